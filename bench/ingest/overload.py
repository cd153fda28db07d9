"""`python -m bench.ingest.overload [--seconds S] [--connections N]`: more beacons than a core can take.

Thousands of connections send as fast as they are answered. Said is what was taken and what was turned away,
how long operators waited meanwhile for `/healthz` of the ops listener, and the server's memory along the way.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import multiprocessing
import resource
import statistics
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from bench.ingest.__main__ import KEY, PORTS, running
from bench.ingest.load import beacons, send
from bench.ingest.server import KEYS, POPS
from bench.meter import Meter
from bench.report import publish, setting, spread
from collectors.rum.token import TokenKeys

FLAT_SHARE = 0.05
"""Memory that grows by less after the first third is flat: by then all connections are open."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=6000)
    parser.add_argument("--json", action="store_true", help="keep the numbers in bench/results, too")
    arguments = parser.parse_args()
    raise_limit()
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        (state / KEYS).write_text(KEY.hex() + "\n")
        (state / KEYS).chmod(0o600)
        with running("edge", state) as meter:
            result = measure(meter, arguments.seconds, arguments.connections)
    if arguments.json:
        publish("overload", result)
    else:
        for name, value in result.items():
            print(f"{name:36} {value}")


def raise_limit() -> None:
    """Allow as many connections as there may be."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measure(meter: Meter, seconds: float, connections: int) -> dict[str, Any]:
    """Return the numbers by name."""
    context = multiprocessing.get_context("spawn")
    said = context.SimpleQueue()
    load = context.Process(target=press, args=(seconds, connections, said))
    load.start()
    said.get()  # all beacons are made
    waits, memory = [], []
    while load.is_alive():
        started = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{PORTS['edge'] + 1}/healthz", timeout=30):
            waits.append(1000 * (time.monotonic() - started))
        memory.append(meter.memory_kb())
        time.sleep(0.25)
    statuses: dict[str, int] = said.get()
    early, late = (statistics.median(part) for part in (memory[len(memory) // 3 :][:5], memory[-5:]))
    return setting(
        connections=connections,
        answers_by_status=statuses,
        healthz_ms=spread(waits),
        memory_kb=spread([float(kb) for kb in memory]),
        memory_kb_at_a_third=early,
        memory_kb_at_the_end=late,
        holds=statuses.get("503", 0) > 0 and late <= early * (1 + FLAT_SHARE),
    )


def press(seconds: float, connections: int, said: Any) -> None:
    """Send for that long, in a process of its own; the same beacons again and again after a while."""
    raise_limit()
    requests = beacons(TokenKeys([KEY]), 40_000, 1, POPS)
    said.put("ready")
    until, statuses = time.monotonic() + seconds, Counter[bytes]()

    def endless() -> Any:
        for request in itertools.cycle(requests):
            if time.monotonic() >= until:
                return
            yield request

    statuses = asyncio.run(send(PORTS["edge"], endless(), connections))
    said.put({status.decode(): number for status, number in statuses.items()})


if __name__ == "__main__":
    main()
