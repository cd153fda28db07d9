"""The probe loop: makes every check of the current plans on schedule and tells what came out.

No check waits for another. Each target has at most one check in flight and each check a time limit, so a
target that hangs costs its own place only, and there are never more sockets than targets.
Nothing of a check is kept but its outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping

from collectors.probe.check import check
from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.schedule import ProbeSchedule
from collectors.probe.target import Target

Checked = tuple[str, Target]
"""A POP's id and what is checked of it."""
Observe = Callable[[str, str, Outcome], bool]
"""Takes in a POP, its address and an outcome; says whether the next check should come soon."""


class ProbeLoop:
    """Runs the checks of the current plans; `replace` changes them while it runs.

    `count` is told `pass`, `fail` or `unable` for each check; of one that this machine was unable to make,
    `observe` hears nothing.
    """

    def __init__(
        self,
        observe: Observe,
        count: Callable[[str], None],
        *,
        schedule: ProbeSchedule[Checked] | None = None,
        check: Callable[[Target], Awaitable[Outcome]] = check,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observe, self._count = observe, count
        self._schedule = schedule or ProbeSchedule[Checked]()
        self._check = check
        self._clock = clock
        self._planned: frozenset[Checked] = frozenset()
        self._running: set[Checked] = set()
        self._changed = asyncio.Event()

    def replace(self, plans: Mapping[str, ProbePlan]) -> None:
        """Check these POPs from now on, in this way."""
        intervals = {
            (pop, target): plan.interval_seconds for pop, plan in plans.items() for target in plan.targets
        }
        self._planned = frozenset(intervals)
        self._schedule.replace(intervals, self._clock())
        self._changed.set()

    async def run(self) -> None:
        """Check until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for one in self._schedule.take_due(self._clock()):
                    if one not in self._running:
                        self._running.add(one)
                        group.create_task(self._probe(one), name=f"probe {one[0]}")
                await self._wait()

    async def _wait(self) -> None:
        """Wait for the next due time or a change, whichever comes first."""
        due = self._schedule.next_due()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else due - self._clock()):
                await self._changed.wait()

    async def _probe(self, one: Checked) -> None:
        pop, target = one
        try:
            outcome = await self._check(target)
        finally:
            self._running.discard(one)
        if outcome.unable:
            self._count("unable")
            return
        self._count("pass" if outcome.up else "fail")
        # Failing back is slower than failing over: only a failure is looked at again soon.
        if one in self._planned and self._observe(pop, target.address, outcome) and not outcome.up:
            self._schedule.hasten(one, self._clock())
            self._changed.set()
