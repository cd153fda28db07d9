"""Health checks in virtual time: real schedule, thresholds, quorum and rules; only outcomes are made up."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.schedule import ProbeSchedule
from collectors.probe.standing import Standing, begin, observe
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold
from itm.catalog.types import Pop
from itm.config import Probe
from itm.steer.health import Override, fold

AGENTS: Final[Mapping[str, str]] = {"eu": "eu", "na": "na", "as": "as"}
"""Agents of checks and their regions."""


class Checks:
    """Checks every POP from three regions; `states` is what the rules make of it, one per POP."""

    def __init__(self, pops: tuple[Pop, ...], probe: Probe, now: float, seed: int) -> None:
        self._pops = pops
        threshold = Threshold(probe.rise, probe.fall)
        self._plans = {pop.id: _plan(pop, probe, threshold) for pop in pops}
        self._standing: dict[str, Standing] = {pop.id: begin(now) for pop in pops}
        self._schedule: ProbeSchedule[tuple[str, str]] = ProbeSchedule(random.Random(seed))
        every = {(pop.id, agent): probe.interval_seconds for pop in pops for agent in AGENTS}
        self._schedule.replace(every, now)
        self.overrides: dict[str, Override] = {}
        """What an operator says, by POP id."""

    def until(self, now: float, answers: npt.NDArray[np.bool_]) -> None:
        """Make all checks that are due by `now`; `answers` says for each POP whether it does."""
        up = {pop.id: bool(one) for pop, one in zip(self._pops, answers, strict=True)}
        while (due := self._schedule.next_due()) is not None and due <= now:
            for pop, agent in self._schedule.take_due(due):
                outcome = Outcome(up[pop], 1.0, "" if up[pop] else "timed out")
                after = observe(self._standing[pop], agent, outcome, self._plans[pop], AGENTS, due, due)
                self._standing[pop] = after
                view = after.view(agent)
                if view is not None and view.verdict.contrary and not outcome.up:
                    self._schedule.hasten((pop, agent), due)

    def skip(self, now: float) -> None:
        """Let time pass in which every check says what the one before it said."""
        self._schedule.take_due(now)

    def states(self, now: float) -> list[int]:
        """Return the state of each POP."""
        standings = ({"": self._standing[pop.id]} for pop in self._pops)
        return [
            int(fold(own, self.overrides.get(pop.id), now).state)
            for pop, own in zip(self._pops, standings, strict=True)
        ]


def _plan(pop: Pop, probe: Probe, threshold: Threshold) -> ProbePlan:
    target = Target("tcp", pop.ipv4[0], 443, probe.timeout_seconds)
    return ProbePlan((target,), probe.interval_seconds, threshold)
