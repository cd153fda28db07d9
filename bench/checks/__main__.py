"""500 checks of POPs every 5 s on one core, of all kinds, beside connections alone; JSON to bench/results/.

    python -m bench.checks [--pops 500] [--seconds 20] [--rounds 3]

Turn by turn: the loop, the kinds and the health board of the server, over real sockets on loopback; then a
bare loop that opens and closes a connection (TLS where the kind has it, two for the gateway) as often. Each
has a core of its own beside the POPs'. Lateness is from when a check was due to when it was taken up. At
last, most of the POPs hang, and the rest are checked as if they did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.report import publish, setting, spread
from collectors.probe.check import check
from collectors.probe.loop import Checked, ProbeLoop
from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.schedule import ProbeSchedule
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold
from itm.ops.health import HealthBoard
from itm.routemap.health import HealthWriter
from tests.gateway.certificates import Certificates

KINDS = ("tcp", "tls", "http", "https", "dns", "gateway")
INTERVAL_SECONDS = 5.0
GOOD = 10
"""POPs that answer beside those that hang."""


class Punctual(ProbeSchedule[Checked]):
    """A schedule that notes how late each check was taken up, in ms."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []

    def take_due(self, now: float) -> tuple[Checked, ...]:
        taken: list[Checked] = []
        while (due := self.next_due()) is not None and due <= now:
            some = super().take_due(due)
            self.late += [1000 * (now - due)] * len(some)
            taken += some
        return tuple(taken)


def plans(ports: Mapping[str, int], kinds: tuple[str, ...]) -> dict[str, ProbePlan]:
    """Return a POP for each of these kinds; `hang` is asked in HTTP."""
    found = {}
    for number, kind in enumerate(kinds):
        target = Target(
            "http" if kind == "hang" else kind, "127.0.0.1", ports[kind], sni="gw.test" * (kind != "dns"),
            certificate_days=14, path="/healthz", header="X-Pop: fra", body="ok", name="gw.test.",
        )  # fmt: skip
        found[f"{kind}-{number}"] = ProbePlan((target,), INTERVAL_SECONDS, Threshold(2, 3))
    return found


async def ours(wanted: Mapping[str, ProbePlan], seconds: float, folder: Path) -> dict[str, Any]:
    """Check for so long, after one interval that does not count."""
    table = HealthWriter(folder / "health.table", time.time)
    board, schedule, counted, heard = HealthBoard(table), Punctual(), Counter[str](), Counter[str]()
    board.set_pops(dict(wanted))

    def observe(pop: str, address: str, outcome: Outcome) -> bool:
        heard[pop] += 1
        return board.observe(pop, address, outcome)

    loop = ProbeLoop(observe, lambda result: counted.update([result]), schedule=schedule)
    loop.replace(wanted)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(loop.run())
        await asyncio.sleep(INTERVAL_SECONDS)
        before, started = counted.total(), time.process_time()
        schedule.late.clear()
        heard.clear()
        await asyncio.sleep(seconds)
        spent, made = time.process_time() - started, counted.total() - before
        running.cancel()
    table.close()
    late = sorted(schedule.late)
    percentiles = {f"late_ms_p{p:g}": round(late[int(len(late) * p / 100)], 2) for p in (50, 99, 99.9)}
    return {
        "cpu_us_per_check": 1e6 * spent / made, "core_share": spent / seconds, "checks_per_s": made / seconds,
        "failed": counted["fail"], "unable": counted["unable"], "late_ms_max": round(late[-1], 2),
        "least_heard_of_good": min((n for pop, n in heard.items() if not pop.startswith("hang")), default=0),
        **percentiles,
    }  # fmt: skip


async def bare(wanted: Mapping[str, ProbePlan], seconds: float) -> float:
    """Open and close connections for so long; return the CPU time of those of one check, in us."""
    context, made = ssl.create_default_context(), 0
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def one(kind: str, target: Target, wait: float) -> None:
        nonlocal made
        await asyncio.sleep(wait)
        while True:
            if kind == "dns":
                await datagram(target)
            for _ in range({"dns": 0, "gateway": 2}.get(kind, 1)):
                tls = context if kind in ("tls", "https", "gateway") else None
                _, writer = await asyncio.open_connection(
                    target.address, target.port, ssl=tls, server_hostname="gw.test" if tls else None
                )
                writer.close()
            made += 1
            await asyncio.sleep(INTERVAL_SECONDS)

    async with asyncio.TaskGroup() as group:
        for number, (pop, plan) in enumerate(wanted.items()):
            wait = INTERVAL_SECONDS * number / len(wanted)
            group.create_task(one(pop.partition("-")[0], plan.targets[0], wait))
        await asyncio.sleep(INTERVAL_SECONDS)
        started, made = time.process_time(), 0
        await asyncio.sleep(seconds)
        spent = time.process_time() - started
        for task in list(group._tasks):
            task.cancel()
    return 1e6 * spent / made


async def datagram(target: Target) -> None:
    """A socket, one datagram out, one in."""

    class Answer(asyncio.DatagramProtocol):
        def datagram_received(self, *_: object) -> None:
            answered.set()

    answered = asyncio.Event()
    address = (target.address, target.port)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Answer, remote_addr=address)
    transport.sendto(bytes(30))
    await answered.wait()
    transport.close()


async def each_kind(ports: Mapping[str, int], count: int = 200) -> dict[str, float]:
    """Return the CPU time of one check of each kind, one after the other, in us."""
    found = {}
    for pop, plan in plans(ports, KINDS).items():
        await check(plan.targets[0])
        started = time.process_time()
        for _ in range(count):
            assert (await check(plan.targets[0])).up, pop
        found[pop.partition("-")[0]] = round(1e6 * (time.process_time() - started) / count)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pops", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)  # POPs that hang go down, once each
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as made:
        certificate = Certificates(Path(made)).server()
        words = [sys.executable, "-m", "bench.checks.pops", str(certificate)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            ports = json.loads(server.stdout.readline())
            os.sched_setaffinity(server.pid, cores[-1:])
            os.sched_setaffinity(0, cores[:1])
            publish("checks", run(ports, args, Path(made)))
            server.kill()


def run(ports: Mapping[str, int], args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure everything."""
    mix = plans(ports, tuple(KINDS[n % len(KINDS)] for n in range(args.pops)))
    rounds = []
    for _ in range(args.rounds):
        found = asyncio.run(ours(mix, args.seconds, folder))
        limit = asyncio.run(bare(mix, args.seconds))
        rounds.append({**found, "bare_us": limit, "times_bare": found["cpu_us_per_check"] / limit})
    hanging = plans(ports, tuple("hang" if n >= GOOD else KINDS[n % len(KINDS)] for n in range(args.pops)))
    return {
        "setting": setting(
            pops=args.pops, seconds=args.seconds, rounds=args.rounds, interval=INTERVAL_SECONDS
        ),
        "checks": {name: spread([each[name] for each in rounds]) for name in rounds[0]},
        "kinds_us": asyncio.run(each_kind(ports)),
        "beside_hanging": asyncio.run(ours(hanging, args.seconds, folder)),
    }


if __name__ == "__main__":
    main()
