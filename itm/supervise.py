"""Keeps child processes running: starts them, restarts the dead with backoff, stops them all in time.

A child's standard input is a pipe that nobody writes to: when the supervisor ends, however it ends,
the pipe closes and the child stops by itself. Knows nothing of what the children do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""A child that ran this long before it died is restarted as if it had never died."""
STOP_SECONDS: Final = 4.0
"""How long a child may take to stop before it is killed; the whole server promises 5 s."""


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep running: a name for the log and its command line.

    `ids` are the user and group it is for good; None: what we are, and may become again.
    """

    name: str
    argv: tuple[str, ...]
    ids: tuple[int, int] | None = None


class Backoff:
    """Delays before restarts: doubling from half a second to half a minute while a child keeps dying."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY_SECONDS

    def delay(self, ran_seconds: float) -> float:
        """Return how long to wait after a child that ran for `ran_seconds` has died."""
        if ran_seconds >= STEADY_SECONDS:
            self._next = FIRST_DELAY_SECONDS
        delay = self._next
        self._next = min(LONGEST_DELAY_SECONDS, delay * 2)
        return delay


class Supervisor:
    """Runs the children until `stop` is called; `restarts` counts how often each one was restarted."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        backoff: Callable[[], Backoff] = Backoff,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._children = tuple(children)
        self._environment = dict(environment) if environment is not None else None
        self._clock = clock
        self._backoff = backoff
        self._stop_seconds = stop_seconds
        self._stopping = asyncio.Event()
        self.restarts = {child.name: 0 for child in self._children}
        self.pids: dict[str, int] = {}

    def stop(self) -> None:
        """Ask all children to stop; `run` returns when they have."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep all children running until `stop`, or until cancelled; none outlives this call."""
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(self._keep(child), name=f"keep {child.name}")

    async def _keep(self, child: Child) -> None:
        backoff = self._backoff()
        while not self._stopping.is_set():
            started = self._clock()
            status = await self._run_once(child)
            if self._stopping.is_set():
                return
            delay = backoff.delay(self._clock() - started)
            log.error(
                "child.died", extra={"child": child.name, "status": status, "restart_in_seconds": delay}
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
            self.restarts[child.name] += 1

    async def _run_once(self, child: Child) -> int:
        # A session of its own keeps the terminal's Ctrl-C from the child: the supervisor decides.
        user, group = child.ids or (None, None)
        process = await asyncio.create_subprocess_exec(
            *child.argv, stdin=PIPE, env=self._environment, start_new_session=True, user=user, group=group
        )
        self.pids[child.name] = process.pid
        log.info("child.started", extra={"child": child.name, "pid": process.pid})
        try:
            await _first_of(process.wait(), self._stopping.wait())
        finally:
            await self._end(process)
            del self.pids[child.name]
        return process.returncode if process.returncode is not None else -1

    async def _end(self, process: Process) -> None:
        """Ask, wait, then kill; returns when the process is gone."""
        if process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._stop_seconds):
                await process.wait()
        except TimeoutError:
            log.error("child.killed", extra={"pid": process.pid, "waited_seconds": self._stop_seconds})
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _first_of(*waits: Coroutine[object, object, object]) -> None:
    """Return when one of them has finished; the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wait) for wait in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
