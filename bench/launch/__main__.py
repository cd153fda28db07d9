"""Launches through broker, POP and connector beside bare TLS accepts, turn by turn; JSON to bench/results/.

    python -m bench.launch [--count 200] [--rounds 3] [--at-once 8]

The time runs from the dial with a ticket in hand to the VDA's first byte, one launch after the other; then as
many as go with some at once, with the CPU time that each process spends on one. What the phases took is what
the POP writes into its records. A redeemed ticket is on the broker's disk before anybody is let in.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.gateway import clients
from bench.gateway.stand import Stand, stand
from bench.meter import Meter
from bench.report import publish, setting, spread

PHASES = ("tls", "preamble", "redeem", "join", "vda", "pop", "first_byte")


def bare(port: int, _: str) -> None:
    """A TLS accept and one byte."""
    sock = clients.secure(port)
    sock.recv(1)
    sock.close()


def native(port: int, ticket: str) -> None:
    """A session of a native client and one byte of its VDA."""
    sock = clients.socks5(port, ticket)
    sock.sendall(b"e.")
    sock.recv(1)
    sock.close()


def resumable(port: int, ticket: str) -> None:
    """A session with the resumable stream and one byte of its VDA."""
    session = clients.Resumable(port, ticket)
    session.sendall(b"e.")
    session.recv()
    session.close()


WAYS: dict[str, Callable[[int, str], None]] = {"bare": bare, "native": native, "resumable": resumable}


class Bench:
    """The gateway, and the bare accept beside it."""

    def __init__(self, made: Stand) -> None:
        self._made = made
        certificate = made.stack.folder / "pop-a" / "pop.pem"
        words = [sys.executable, "-m", "bench.launch.accept", str(certificate)]
        self._bare = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._bare.stdout is not None
        self._ports = dict.fromkeys(WAYS, made.port()) | {"bare": int(self._bare.stdout.readline())}
        self._meters = {name: made.meter(name) for name in ("pop-a", "connector", "broker")}

    def close(self) -> None:
        """Stop the bare accept."""
        self._bare.kill()
        self._bare.wait()

    def one_by_one(self, way: str, count: int) -> dict[str, float]:
        """Return median and p99 in ms."""
        times = []
        for ticket in self._tickets(way, count):
            began = time.perf_counter()
            WAYS[way](self._ports[way], ticket)
            times.append((time.perf_counter() - began) * 1000)
        times.sort()
        return {"p50_ms": times[count // 2], "p99_ms": times[count * 99 // 100]}

    def at_once(self, way: str, count: int, width: int) -> dict[str, float]:
        """Return launches per second and CPU ms of each process per launch."""
        tickets = self._tickets(way, count)
        meters = {"accept": Meter(self._bare.pid)} if way == "bare" else self._meters
        before = {name: meter.cpu_seconds() for name, meter in meters.items()}
        began = time.perf_counter()
        with ThreadPoolExecutor(width) as pool:
            list(pool.map(lambda ticket: WAYS[way](self._ports[way], ticket), tickets))
        took = time.perf_counter() - began
        return {"per_second": count / took} | {
            f"{name}_cpu_ms": (meter.cpu_seconds() - before[name]) / count * 1000
            for name, meter in meters.items()
        }

    def phases(self) -> dict[str, float]:
        """Return the medians of the POP's last records, in ms."""
        address = (self._made.stack.folder / "pop-a" / "admin").read_text().strip()
        with urllib.request.urlopen(f"http://{address}/sessions", timeout=10) as answer:
            records = [record["phases"] for record in json.load(answer)]
        return {
            phase: round(statistics.median(found), 2)
            for phase in PHASES
            if (found := [record[phase] for record in records if phase in record])
        }

    def _tickets(self, way: str, count: int) -> Sequence[str]:
        return [""] * count if way == "bare" else self._made.tickets(count)


def measure(bench: Bench, count: int, rounds: int, width: int) -> dict[str, Any]:
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    phases = {}
    for _ in range(rounds):
        for way in random.sample(list(WAYS), len(WAYS)):
            found = bench.one_by_one(way, count)
            if way != "bare":
                phases[way] = bench.phases()
            runs[way].append(found | bench.at_once(way, count, width))
    result: dict[str, Any] = {
        way: {key: spread([run[key] for run in found]) for key in found[0]} for way, found in runs.items()
    }
    return result | {"phases_ms": phases}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.launch", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=8)
    args = parser.parse_args()
    result: dict[str, Any] = {"setting": setting(at_once=args.at_once)}
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as made:
        bench = Bench(made)
        try:
            result |= measure(bench, args.count, args.rounds, args.at_once)
        finally:
            bench.close()
    publish("launch", result)


if __name__ == "__main__":
    main()
