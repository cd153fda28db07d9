"""Kill and stop the POP in use while bytes flow through a launched session; JSON to bench/results/.

    python -m bench.survival [--kills 20] [--rtt 0 --rtt 40] [--rate 1]

Real broker, two POPs, connector, echo VDA and launcher. Clean death is SIGKILL, silent death SIGSTOP (and
SIGCONT once the session has gone on elsewhere), in random order. A stall is the longest time without a byte
around the kill less the median gap. RTT is client to connector: half on each leg, by a delaying proxy.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.gateway.stand import metrics, wait_connected
from bench.report import publish, setting
from bench.survival.exchange import Exchange
from tests.e2e.gateway.clients import Launcher, launched
from tests.e2e.gateway.stack import Stack, gateway
from tests.e2e.serving import free_ports
from tests.programs import wait_until

POPS = ("pop-a", "pop-b")
BARS_SECONDS = {"clean": 0.05, "silent": 1.0}
BAR_RTTS = 4


@contextmanager
def far_gateway(folder: Path, rtt_ms: float) -> Iterator[Stack]:
    """Run a gateway whose POPs are half of `rtt_ms` away from client and connector each."""
    with gateway(folder, pops=(), with_connector=False) as stack:
        real = dict(zip(POPS, free_ports(len(POPS)), strict=True))
        words = [f"{stack.ports[pop]}={real[pop]}" for pop in POPS]
        proxy = subprocess.Popen(
            [sys.executable, "-m", "bench.survival.delay", str(rtt_ms / 2), *words], stdout=subprocess.PIPE
        )
        try:
            assert proxy.stdout is not None
            proxy.stdout.readline()
            for pop in POPS:
                stack.start_pop(pop, listen=f"127.0.0.1:{real[pop]}")
            stack.start_connector()
            yield stack
        finally:
            proxy.kill()
            proxy.wait()


def die_again_and_again(stack: Stack, kills: int, rate: float) -> dict[str, Any]:
    """Let POPs die under one session, `kills` times each way; return stalls in ms and what came through."""
    stalls: dict[str, list[float]] = {"clean": [], "silent": []}
    with launched(stack) as launcher:
        exchange = Exchange(launcher.port, rate)
        for kind in random.sample(list(stalls) * kills, 2 * kills):
            for pop in POPS:
                wait_connected(stack, pop)
            time.sleep(random.uniform(0.3, 0.6))
            pop, began = _in_use(stack), time.monotonic()
            with dead(stack, pop, kind):
                _wait_resumed(launcher, sum(map(len, stalls.values())) + 1)
                time.sleep(0.3)
                stalls[kind].append(exchange.longest_gap(began, time.monotonic()) - exchange.normal_gap())
        is_whole = exchange.finish()
        status = launcher.popen.wait(10)
        log = launcher.log.read_text()
    replayed = [int(number) for number in re.findall(r"session\.resumed.*replayed=(\d+)", log)]
    return {kind: _spread([s * 1000 for s in found]) for kind, found in stalls.items()} | {
        "mega_bytes_each_way": round(exchange.sent / 1e6, 1),
        "normal_gap_ms": round(exchange.normal_gap() * 1000, 2),
        "is_sha256_equal": is_whole,
        "lost_sessions": int(status != 0),
        "resumes": len(replayed),
        "replayed_bytes": {"median": statistics.median(replayed), "max": max(replayed)},
    }


@contextmanager
def dead(stack: Stack, pop: str, kind: str) -> Iterator[None]:
    """Let a POP die in its way; afterwards it lives again."""
    process = stack.running[pop]
    if kind == "clean":
        process.kill()
        yield
        stack.restart(pop)
    else:
        process.popen.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.popen.send_signal(signal.SIGCONT)


def _in_use(stack: Stack) -> str:
    """Return the POP that carries the session, once it is one alone."""
    found: list[str] = []

    def is_one() -> bool:
        found[:] = [pop for pop in POPS if metrics(stack, pop)["gateway_pop_sessions"]]
        return len(found) == 1

    wait_until(is_one, 10, f"one POP in use, not {found}")
    return found[0]


def _wait_resumed(launcher: Launcher, times: int) -> None:
    wait_until(
        lambda: launcher.log.read_text().count("session.resumed") >= times,
        30,
        f"{times} resumes:\n{launcher.log.read_text()[-2000:]}",
    )


def _spread(found: list[float]) -> dict[str, float]:
    line = sorted(found)
    p95 = line[min(len(line) - 1, int(len(line) * 0.95))]
    values = {"median": statistics.median(line), "p95": p95, "worst": line[-1], "least": line[0]}
    return {"n": len(line)} | {name: round(value, 1) for name, value in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.survival", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="of each kind")
    parser.add_argument(
        "--rtt", type=float, action="append", metavar="MS", help="client to connector (0, 40)"
    )
    parser.add_argument("--rate", type=float, default=1.0, metavar="MB/S")
    args = parser.parse_args()
    result: dict[str, Any] = {"setting": setting(mega_bytes_per_second=args.rate)}
    for rtt in args.rtt or [0.0, 40.0]:
        with tempfile.TemporaryDirectory() as folder, far_gateway(Path(folder), rtt) as stack:
            found = die_again_and_again(stack, args.kills, args.rate)
        found["holds"] = {
            kind: found[kind]["median"] <= (seconds + BAR_RTTS * rtt / 1000) * 1000
            for kind, seconds in BARS_SECONDS.items()
        } | {"nothing_lost": found["is_sha256_equal"] and not found["lost_sessions"]}
        result[f"rtt_{rtt:g}_ms"] = found
    publish("survival", result)


if __name__ == "__main__":
    main()
