"""Keeps the demo's processes running: a dead one comes back, later each time; all end with this one.

Each process is a child of its own with its pid in a file, so that a reader can kill it and watch, and its log
in another: their terminal stays readable. Knows nothing of what they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from gateway.demo.tether import tie

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 15.0
STEADY_SECONDS: Final = 10.0
"""A process that ran this long comes back after the first pause again."""
BETWEEN_SECONDS: Final = 0.15
"""Between first starts: who comes later mostly finds who came before, and no core is fought over. It is no
promise, everything here dials again."""
STOP_SECONDS: Final = 2.0
"""From SIGTERM to SIGKILL, for one. `itm serve`, if it is the parent, waits for 4 s in all."""


def pause_after(deaths: int) -> float:
    """Return the seconds before the restart that follows so many deaths in a row (1 and more)."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (deaths - 1))


class Keeper:
    """Runs commands by name; `folder` has `NAME.pid` of each, and `NAME.log` since `run` began."""

    def __init__(self, commands: Mapping[str, Sequence[str]], folder: Path) -> None:
        self._commands, self._folder = commands, folder

    async def run(self) -> None:
        """Keep all of them running until cancelled; none is left then: who came last goes first."""
        keeping = []
        for place, (name, command) in enumerate(self._commands.items()):
            self._log(name).write_bytes(b"")
            keeping.append(asyncio.ensure_future(self._keep(name, command, place * BETWEEN_SECONDS)))
        try:
            done, _ = await asyncio.wait(keeping, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()  # they never end by themselves but by a fault
        finally:
            for task in reversed(keeping):
                task.cancel()
                await asyncio.wait([task])

    async def _keep(self, name: str, command: Sequence[str], after_seconds: float) -> None:
        loop, deaths = asyncio.get_running_loop(), 0
        await asyncio.sleep(after_seconds)
        while True:
            started = loop.time()
            status = await self._run_once(name, command)
            deaths = 1 if loop.time() - started > STEADY_SECONDS else deaths + 1
            pause = pause_after(deaths)
            log.warning(
                "child.died",
                extra={
                    "child": name,
                    "status": status,
                    "restart_in_seconds": pause,
                    "log": str(self._log(name)),
                },
            )
            await asyncio.sleep(pause)

    async def _run_once(self, name: str, command: Sequence[str]) -> int:
        # A session of its own keeps the terminal's Ctrl-C from it: whoever runs the demo decides.
        with self._log(name).open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=output, stderr=output, start_new_session=True,
                preexec_fn=partial(tie, os.getpid()),
            )  # fmt: skip
        pid_file = self._folder / f"{name}.pid"
        pid_file.write_text(f"{process.pid}\n")
        try:
            return await process.wait()
        finally:
            await _end(process)
            pid_file.unlink(missing_ok=True)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


async def _end(process: Process) -> None:
    """Ask it to stop, wait, then kill it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
