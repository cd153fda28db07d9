"""`python -m bench.ingest [--rounds N] [--json]`: beacons per core, beside a bare handler that answers 204.

The edge and the bare handler are processes of their own and are asked in turns, over 16 keep-alive
connections. Counted is the CPU time of the server's process: its event loop, its journal's thread, all.
Tokens are required, as by default, and each is used once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.ingest.load import beacons, send
from bench.ingest.server import KEYS, POPS
from bench.meter import Meter
from bench.report import publish, setting, spread
from collectors.rum.token import TokenKeys

CONNECTIONS = 16
BATCH = 50
PORTS = {"edge": 18_460, "bare": 18_470}
KEY = bytes(range(32))

LEAST_SHARE = 0.5
LEAST_MEASUREMENTS = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=8000, help="beacons of one measurement per round")
    parser.add_argument("--json", action="store_true", help="keep the numbers in bench/results, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        (state / KEYS).write_text(KEY.hex() + "\n")
        (state / KEYS).chmod(0o600)
        with running("edge", state) as edge, running("bare", state) as bare:
            result = measure({"edge": edge, "bare": bare}, arguments.rounds, arguments.requests)
    if arguments.json:
        publish("ingest", result)
    else:
        for name, value in result.items():
            print(f"{name:36} {value}")


@contextlib.contextmanager
def running(kind: str, state: Path) -> Iterator[Meter]:
    """Run one of the two servers inside the block."""
    command = [sys.executable, "-m", "bench.ingest.server", kind, str(PORTS[kind]), str(state)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        try:
            assert process.stdout.readline() == b"ready\n"
            yield Meter(process.pid)
        finally:
            process.stdin.close()


def measure(meters: dict[str, Meter], rounds: int, count: int) -> dict[str, object]:
    """Return the numbers by name; rates are per second of the server's CPU time."""
    keys = TokenKeys([KEY])
    single: dict[str, list[float]] = {"edge": [], "bare": []}
    batches: list[float] = []
    for turn in range(rounds + 1):  # the first one warms up
        rates = {kind: rate(meters, kind, beacons(keys, count, 1, POPS)) for kind in single}
        batched = BATCH * rate(meters, "edge", beacons(keys, count // 10, BATCH, POPS))
        if turn:
            for kind in single:
                single[kind].append(rates[kind])
            batches.append(batched)
    shares = [edge / bare for edge, bare in zip(single["edge"], single["bare"], strict=True)]
    return setting(
        beacons_per_cpu_second=spread(single["edge"]),
        bare_per_cpu_second=spread(single["bare"]),
        share_of_bare=spread(shares),
        measurements_per_cpu_second_in_batches=spread(batches),
        batch=BATCH,
        edge_memory_kb=meters["edge"].memory_kb(),
        holds=spread(shares)["median"] >= LEAST_SHARE and spread(batches)["median"] >= LEAST_MEASUREMENTS,
    )


def rate(meters: dict[str, Meter], kind: str, requests: list[bytes]) -> float:
    """Return the answers per second of the server's CPU time; all must be 204."""
    before = meters[kind].cpu_seconds()
    statuses = asyncio.run(send(PORTS[kind], requests, CONNECTIONS))
    spent = meters[kind].cpu_seconds() - before
    assert statuses == {b"204": len(requests)}, statuses
    return len(requests) / spent


if __name__ == "__main__":
    main()
