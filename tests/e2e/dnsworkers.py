"""`itm worker dns` as a process of its own, on a small map: where a client is decides what it gets."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from itm.routemap.routemap import RouteMap
from itm.routemap.table import PrefixTable
from tests.e2e.serving import ROOT
from tests.itm.dns.asking import demo_map
from tests.itm.dns.maps import publish
from tests.programs import dig, tail, wait_until

TOKYO, AMSTERDAM, NEW_YORK = "127.20.0.2", "127.20.0.1", "127.20.0.3"
IN_TOKYO, IN_AMSTERDAM = "127.50.0.1", "127.60.0.1"
"""Addresses of the loopback that the map puts there; all others are in New York."""


@dataclasses.dataclass(frozen=True)
class Worker:
    """A running worker."""

    process: subprocess.Popen[bytes]
    stats: Path
    log: Path

    def told(self) -> dict[str, Any]:
        """Return what its counters file says."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self.stats.read_text()))
        return {}


@contextlib.contextmanager
def state_directory() -> Iterator[Path]:
    """A state directory that other users can reach, with the map in it."""
    with tempfile.TemporaryDirectory() as name:
        state = Path(name)
        state.chmod(0o755)
        (state / "maps").mkdir()
        publish(state / "maps", 1, routemap=loopback_map())
        yield state


def loopback_map() -> RouteMap:
    """The demo map with two networks of the loopback."""
    routemap = demo_map()
    starts = [0, 127 << 16 | 50 << 8, 127 << 16 | 50 << 8 | 1, 127 << 16 | 60 << 8, 127 << 16 | 60 << 8 | 1]
    v4 = PrefixTable(24, np.array(starts, "<u4"), np.array([0, 2, 0, 1, 0], "<u4"))
    return dataclasses.replace(routemap, classes=(dataclasses.replace(routemap.classes[0], v4=v4),))


@contextlib.contextmanager
def worker(
    state: Path, *sets: str, index: int = 0, python: tuple[str, ...] = (sys.executable,)
) -> Iterator[Worker]:
    """Run one worker until the end of the block; it answers when the block begins."""
    words = [w for one in (f"state={state}", *sets) for w in ("--set", one)]
    argv = [*python, "-m", "itm", "worker", "dns", "--index", str(index), *words]
    log, stats = state / f"worker-{index}.log", state / f"dns-{index}.json"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=ROOT)
    try:

        def is_up() -> bool:
            assert process.poll() is None, tail(log)
            return stats.exists()

        wait_until(is_up, 30, "the worker has written its counters")
        yield Worker(process, stats, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


@contextlib.contextmanager
def program(*argv: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in the foreground until the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield process
        assert process.poll() is None, tail(log)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=10)


def answer(port: int, *words: str, server: str = "127.0.0.1") -> list[str]:
    """Return the addresses that a client gets for the steered name."""
    return dig("gw.example.net", "A", "+nosubnet", *words, server=server, port=port)


def user_of(pid: int) -> set[int]:
    """Return the real, effective, saved and file-system user ids of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {int(word) for line in lines if line.startswith("Uid:") for word in line.split()[1:]}


def cmdline(pid: int) -> bytes:
    """Return the command line of a process, its words joined."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")


IS_ROOT = os.getuid() == 0
