"""The probe loop: checks every address of every POP on schedule and tells the health board what came out.

What is checked of a POP is `plan_of`, pure: the one address that its `healthcheck` names, else each that it
is served with. The loop bounds how many checks run at once and never runs two of one address. Nothing of a
check is kept but its outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from collectors.probe.check import Target, check, has_route
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
    """How one POP is checked: a target per address, interval in seconds, thresholds."""

    targets: tuple[Target, ...]
    interval_seconds: float
    threshold: Threshold

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that are checked."""
        return tuple(target.address for target in self.targets)


def plan_of(pop: Pop, defaults: Probe) -> ProbePlan | None:
    """Return how to check this POP; None when its catalog entry has no `healthcheck`."""
    wanted = pop.healthcheck
    if wanted is None:
        return None
    one = Target(
        wanted.protocol,
        wanted.address,
        wanted.port,
        wanted.path,
        wanted.host,
        wanted.timeout_seconds or defaults.timeout_seconds,
    )
    addresses = (wanted.address,) if wanted.address else (*pop.ipv4, *pop.ipv6)
    threshold = Threshold(wanted.rise or defaults.rise, wanted.fall or defaults.fall)
    return ProbePlan(
        tuple(replace(one, address=address) for address in addresses),
        wanted.interval_seconds or defaults.interval_seconds,
        threshold,
    )


def plans_of(pops: Iterable[Pop], defaults: Probe) -> dict[str, ProbePlan]:
    """Return the plan of every POP that is checked."""
    plans = ((pop.id, plan_of(pop, defaults)) for pop in pops)
    return {pop: plan for pop, plan in plans if plan is not None}


Checked = tuple[str, Target]
"""A POP's id and what is checked of it."""


class ProbeLoop:
    """Runs the checks of the current plans; `replace` changes them while it runs."""

    def __init__(
        self,
        board: HealthBoard,
        counter: Counter,
        *,
        schedule: ProbeSchedule[Checked] | None = None,
        check: Callable[[Target], Awaitable[Outcome]] = check,
        has_route: Callable[[str], bool] = has_route,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._counter = counter
        self._schedule = schedule or ProbeSchedule[Checked]()
        self._check, self._has_route = check, has_route
        self._clock = clock
        self._plans: dict[str, ProbePlan] = {}
        self._running: set[Checked] = set()
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(CONCURRENT)

    def replace(self, plans: Mapping[str, ProbePlan]) -> None:
        """Check these POPs from now on, in this way."""
        self._plans = dict(plans)
        intervals = {
            (pop, target): plan.interval_seconds for pop, plan in plans.items() for target in plan.targets
        }
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
                        limits = self._plans[one[0]].threshold
                        group.create_task(self._probe(one, limits), name=f"probe {one[0]}")
                await self._wait()

    async def _wait(self) -> None:
        """Wait for the next due time or a change of plans, whichever comes first."""
        due = self._schedule.next_due()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else due - self._clock()):
                await self._changed.wait()

    async def _probe(self, one: Checked, limits: Threshold) -> None:
        pop, target = one
        try:
            async with self._slots:
                outcome = await self._check(target)
        finally:
            self._running.discard(one)
        if not outcome.up and ":" in target.address and not self._has_route(target.address):
            self._counter.add(result="no_route")  # our own lack of IPv6 says nothing about a POP
            return
        self._counter.add(result="pass" if outcome.up else "fail")
        self._board.observe(pop, target.address, outcome, limits)
