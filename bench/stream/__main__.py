"""Bulk and round trips through launcher, POP and connector beside the same hops without the stream; JSON.

    python -m bench.stream [--seconds 3] [--rounds 5]

app - launcher - POP - connector - VDA, against app - shim - POP - connector - VDA, where the shim is a TLS
pump with a SOCKS5 ticket: the same number of processes and copies, no offsets, no retention. In random order;
medians with ranges. On two cores that the chain fills, throughput is the inverse of its CPU time per GB (all
five processes): that ratio is the loss. A neighbour's load moves throughput far more than what is measured.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.gateway.stand import Stand, stand
from bench.meter import Meter
from bench.report import publish, setting, spread
from tests.e2e.gateway.clients import launched

BAR = 0.15
WARM_SECONDS = 0.5
BLOCK = bytes(262_144)


@contextmanager
def plain(made: Stand) -> Iterator[tuple[int, int]]:
    """Run the shim; give its port and process."""
    words = [sys.executable, "-m", "bench.stream.shim", str(made.port()), made.tickets(1)[0]]
    popen = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert popen.stdout is not None
    try:
        yield int(popen.stdout.readline()), popen.pid
    finally:
        popen.kill()
        popen.wait()


@contextmanager
def resumable(made: Stand) -> Iterator[tuple[int, int]]:
    """Run the launcher; give its port and process."""
    with launched(made.stack, "desk") as launcher:
        yield launcher.port, launcher.popen.pid


WAYS = {"plain": plain, "resumable": resumable}


def bulk(made: Stand, way: str, kind: bytes, seconds: float) -> dict[str, float]:
    """Move as much as possible one way; return MB/s and CPU seconds per GB of each process."""
    with WAYS[way](made) as (port, pid):
        meters = {
            "app": Meter(os.getpid()), "opener": Meter(pid), "pop": made.meter("pop-a"),
            "connector": made.meter("connector"), "vda": made.backend,
        }  # fmt: skip
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(kind)
            _move(sock, kind, WARM_SECONDS)
            before = {name: meter.cpu_seconds() for name, meter in meters.items()}
            moved, took = _move(sock, kind, seconds)
            cpu = {name: (meter.cpu_seconds() - before[name]) / moved * 1e9 for name, meter in meters.items()}
    return {"mb_per_s": moved / took / 1e6, "cpu_s_per_gb": sum(cpu.values())} | {
        f"{name}_cpu_s_per_gb": value for name, value in cpu.items()
    }


def _move(sock: socket.socket, kind: bytes, seconds: float) -> tuple[int, float]:
    buffer, moved, begun = bytearray(len(BLOCK)), 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        moved += sock.recv_into(buffer) if kind == b"d" else sock.send(BLOCK)
    return moved, time.perf_counter() - begun


def trips(made: Stand, way: str, count: int) -> dict[str, float]:
    """Return the median and p99 of 64 B round trips, one after the other, in ms."""
    times = []
    with WAYS[way](made) as (port, _), socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"e")
        for _ in range(count):
            began = time.perf_counter()
            sock.sendall(bytes(64))
            sock.recv(64)
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {"p50_ms": times[count // 2], "p99_ms": times[count * 99 // 100]}


def measure(made: Stand, seconds: float, rounds: int) -> dict[str, Any]:
    jobs = {
        "down": lambda way: bulk(made, way, b"d", seconds),
        "up": lambda way: bulk(made, way, b"u", seconds),
        "trip": lambda way: trips(made, way, 1000),
    }
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(rounds):
        for name, job in jobs.items():
            for way in random.sample(list(WAYS), len(WAYS)):
                runs.setdefault((name, way), []).append(job(way))
    result: dict[str, Any] = {way: {} for way in WAYS}
    for (name, way), found in runs.items():
        result[way][name] = {key: spread([run[key] for run in found]) for key in found[0]}
    for name, key, sign in (("loss", "cpu_s_per_gb", -1), ("loss_as_seen", "mb_per_s", 1)):
        result[name] = {kind: round(1 - _ratio(result, kind, key) ** sign, 3) for kind in ("down", "up")}
    result["holds"] = {name: loss <= BAR for name, loss in result["loss"].items()}
    return result


def _ratio(result: dict[str, Any], kind: str, key: str) -> float:
    return float(result["resumable"][kind][key]["median"] / result["plain"][kind][key]["median"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stream", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    result: dict[str, Any] = {"setting": setting()}
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as made:
        result |= measure(made, args.seconds, args.rounds)
    publish("stream", result)


if __name__ == "__main__":
    main()
