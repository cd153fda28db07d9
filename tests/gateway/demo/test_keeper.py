"""Processes are restarted when they die, can be found by their pid, and end with their keeper."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.demo.keeper import Keeper, pause_after

SLEEP = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)")


def test_pauses_grow_to_a_limit() -> None:
    """Half a second, doubling, a quarter of a minute at most."""
    assert [pause_after(deaths) for deaths in (1, 2, 3, 6, 50)] == [0.5, 1.0, 2.0, 15.0, 15.0]


def read_pid(file: Path) -> int:
    with suppress(OSError, ValueError):
        return int(file.read_text())
    return 0


async def pid_in(file: Path, *, not_: int = 0) -> int:
    async with asyncio.timeout(10):
        while (pid := read_pid(file)) in (0, not_):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
    return pid


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_killed_process_comes_back_and_all_end_with_the_keeper(tmp_path: Path) -> None:
    """kill -9: another one runs within the first pause; after the end there is none, nor a pid."""

    async def body() -> None:
        keeping = asyncio.ensure_future(Keeper({"one": SLEEP, "two": SLEEP}, tmp_path).run())
        first, other = await pid_in(tmp_path / "one.pid"), await pid_in(tmp_path / "two.pid")
        os.kill(first, signal.SIGKILL)
        second = await pid_in(tmp_path / "one.pid", not_=first)
        assert is_gone(first)
        assert not is_gone(other)
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping
        assert is_gone(second)
        assert is_gone(other)
        assert "up" in (tmp_path / "two.log").read_text()

    asyncio.run(body())
    assert not list(tmp_path.glob("*.pid"))


KEEPER = """
import asyncio, sys
from pathlib import Path
from gateway.demo.keeper import Keeper
asyncio.run(Keeper({"one": sys.argv[2:]}, Path(sys.argv[1])).run())
"""


def test_a_killed_keeper_takes_its_processes_along(tmp_path: Path) -> None:
    """SIGKILL leaves it no time to do anything: the kernel does it."""
    with subprocess.Popen([sys.executable, "-c", KEEPER, str(tmp_path), *SLEEP]) as keeper:
        pid = asyncio.run(pid_in(tmp_path / "one.pid"))
        keeper.kill()

    async def gone() -> None:
        async with asyncio.timeout(10):
            while not is_gone(pid):  # noqa: ASYNC110 - another process's end has no event
                await asyncio.sleep(0.02)

    asyncio.run(gone())
