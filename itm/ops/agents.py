"""The agents that check POPs from elsewhere, as the edge knows them: who may report, what they reported.

Who there is comes from the store, twice a second, so that a revocation counts everywhere; a report costs no
look at it. Outcomes go to the health board; what is kept of a report is its number.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from collectors.probe.agent import plans
from collectors.probe.agent.report import Report
from collectors.probe.plan import ProbePlan
from itm.errors import Refused
from itm.ops.health import HealthBoard
from itm.ops.metrics import Registry
from itm.store import agents as store
from itm.store.agents import Agent

MOST_ENROLLING: Final = 8
"""Enrolments that wait for the store; a crowd of guesses must not hold up what else is asked of it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The last report of an agent: when it came, which of which run, how many outcomes it has told."""

    at: float
    run: str
    sequence: int
    outcomes: int
    plan: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a report; `refused` counts the outcomes that say nothing any more, by reason."""

    accepted: int
    refused: Mapping[str, int]
    is_duplicate: bool = False


class Agents:
    """Knows the agents and takes their reports. One event loop."""

    def __init__(
        self, engine: Engine, board: HealthBoard, registry: Registry, clock: Callable[[], float]
    ) -> None:
        self._engine, self._board, self._clock = engine, board, clock
        self.reports = registry.counter(
            "itm_probe_reports_total", "Reports of agents, by what became of them."
        )
        self._outcomes = registry.counter(
            "itm_probe_outcomes_total", "Outcomes that agents reported, by agent and result."
        )
        self._turn = asyncio.Lock()
        self._enrolling = 0
        self._known: dict[str, Agent] = {}
        self._heard: dict[str, Heard] = {}
        self._plans: Mapping[str, ProbePlan] = {}
        self.version, self.plan = plans.encode({})
        """The plan that agents are to follow, under its version."""

    def set_plans(self, wanted: Mapping[str, ProbePlan]) -> None:
        """Have the agents check these POPs in this way."""
        self._plans = dict(wanted)
        self.version, self.plan = plans.encode(wanted)

    async def reload(self) -> None:
        """Read from the store who there is; who may not report any more has no say from now on."""
        async with self._turn:
            found = await asyncio.to_thread(store.listing, self._engine)
        self._known = {agent.name: agent for agent in found}
        now = self._clock()
        regions = {agent.name: agent.region for agent in found if not agent.why_not(now)}
        self._heard = {name: heard for name, heard in self._heard.items() if name in regions}
        if regions != self._board.agents:
            self._board.set_agents(regions)

    def listing(self) -> tuple[Agent, ...]:
        """Return all agents of the store, by name."""
        return tuple(self._known.values())

    def heard(self, name: str) -> Heard | None:
        """Return what that agent said last, if it has since this process started."""
        return self._heard.get(name)

    async def enrol(self, token: str, credential: str) -> Agent:
        """Turn a one-time token into a credential. Raises `NotEnrolled`, and `Refused` (503) for a crowd."""
        if self._enrolling >= MOST_ENROLLING:
            raise Refused(503, "too many enrol at this moment: try again")
        self._enrolling += 1
        try:
            async with self._turn:  # guesses wait for one another, and hold no other thread
                agent = await asyncio.to_thread(store.enrol, self._engine, token, credential, self._clock())
        finally:
            self._enrolling -= 1
        await self.reload()
        return agent

    def who(self, credential: str) -> Agent:
        """Return the agent of a credential. Raises `Refused` (401) with the reason."""
        wanted = store.digest(credential)
        agent = next((each for each in self._known.values() if each.credential_sha256 == wanted), None)
        if agent is None:
            raise Refused(401, "the credential is unknown: enrol this agent with a new token")
        if reason := agent.why_not(self._clock()):
            raise Refused(401, reason)
        return agent

    def take(self, agent: Agent, report: Report) -> Taken:
        """Take in a report; one that was taken before counts nothing."""
        last = self._heard.get(agent.name)
        is_same = last is not None and last.run == report.run
        if last is not None and is_same and report.sequence <= last.sequence:
            self.reports.add(result="duplicate")
            return Taken(0, {}, is_duplicate=True)
        now, refused = self._clock(), Counter[str]()
        for each in report.observed:
            plan = self._plans.get(each.pop)
            if report.plan != self.version:
                refused["other_plan"] += 1
            elif plan is None or each.address not in plan.addresses:
                refused["not_planned"] += 1
            elif each.age_seconds > plan.fresh_seconds:
                refused["too_old"] += 1
            else:
                self._board.observe(each.pop, each.address, each.outcome, agent.name, now - each.age_seconds)
                self._outcomes.add(agent=agent.name, result="pass" if each.outcome.up else "fail")
        for reason, count in refused.items():
            self._outcomes.add(count, agent=agent.name, result=reason)
        accepted = len(report.observed) - refused.total()
        total = accepted + (last.outcomes if last else 0)
        self._heard[agent.name] = Heard(now, report.run, report.sequence, total, report.plan)
        self.reports.add(result="accepted")
        return Taken(accepted, dict(refused))
