"""The probe loop: checks every POP on schedule and tells the health board what came out.

Which target a POP has is `plan_of`, pure; the loop bounds how many checks run at once and never runs
two of one POP. Nothing of a check is kept but its outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from collectors.probe.check import Target, check
from collectors.probe.outcome import Outcome
from collectors.probe.schedule import ProbeSchedule
from collectors.probe.threshold import Threshold
from itm.catalog.types import Pop
from itm.config import Probe
from itm.ops.health import HealthBoard
from itm.ops.metrics import Counter

CONCURRENT: Final = 64
"""Checks in flight at most; each holds one socket for at most its timeout."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """How one POP is checked: target, interval in seconds, thresholds."""

    target: Target
    interval_seconds: float
    threshold: Threshold


def plan_of(pop: Pop, defaults: Probe) -> ProbePlan | None:
    """Return how to check this POP; None when its catalog entry has no `healthcheck`."""
    wanted = pop.healthcheck
    if wanted is None:
        return None
    target = Target(
        wanted.protocol,
        wanted.address or pop.ipv4[0],
        wanted.port,
        wanted.path,
        wanted.host,
        wanted.timeout_seconds or defaults.timeout_seconds,
    )
    threshold = Threshold(wanted.rise or defaults.rise, wanted.fall or defaults.fall)
    return ProbePlan(target, wanted.interval_seconds or defaults.interval_seconds, threshold)


def plans_of(pops: Iterable[Pop], defaults: Probe) -> dict[str, ProbePlan]:
    """Return the plan of every POP that is checked."""
    plans = ((pop.id, plan_of(pop, defaults)) for pop in pops)
    return {pop: plan for pop, plan in plans if plan is not None}


class ProbeLoop:
    """Runs the checks of the current plans; `replace` changes them while it runs."""

    def __init__(
        self,
        board: HealthBoard,
        counter: Counter,
        *,
        schedule: ProbeSchedule | None = None,
        check: Callable[[Target], Awaitable[Outcome]] = check,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._counter = counter
        self._schedule = schedule or ProbeSchedule()
        self._check = check
        self._clock = clock
        self._plans: dict[str, ProbePlan] = {}
        self._running: set[str] = set()
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(CONCURRENT)

    def replace(self, plans: Mapping[str, ProbePlan]) -> None:
        """Check these POPs from now on, in this way."""
        self._plans = dict(plans)
        self._schedule.replace({pop: plan.interval_seconds for pop, plan in plans.items()}, self._clock())
        self._changed.set()

    async def run(self) -> None:
        """Check until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for pop in self._schedule.take_due(self._clock()):
                    if pop not in self._running:
                        self._running.add(pop)
                        group.create_task(self._probe(pop, self._plans[pop]), name=f"probe {pop}")
                await self._wait()

    async def _wait(self) -> None:
        """Wait for the next due time or a change of plans, whichever comes first."""
        due = self._schedule.next_due()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else due - self._clock()):
                await self._changed.wait()

    async def _probe(self, pop: str, plan: ProbePlan) -> None:
        try:
            async with self._slots:
                outcome = await self._check(plan.target)
        finally:
            self._running.discard(pop)
        self._counter.add(result="pass" if outcome.up else "fail")
        self._board.observe(pop, outcome, plan.threshold)
