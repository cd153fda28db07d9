"""The health of all POPs as the edge process holds it: agents' outcomes and overrides in, the table out.

The table changes in the same call as its cause, so that DNS nodes see it at once. Every change of
state, of a POP or of one of its addresses, is logged. Rules stand in `itm.steer.health`; checks are made
by `collectors.probe.loop`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from collectors.probe import standing
from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.standing import Standing
from itm.ops.news import News
from itm.routemap.health import NOTHING, Content, Slot, State
from itm.steer.health import Override, PopHealth, fold_all, is_fail_open

log = logging.getLogger(__name__)

LOCAL: Final = "local"
"""The agent that is the server itself."""


class Table(Protocol):
    """Where states go: the shared health table."""

    def set(
        self, states: Mapping[str, State], forced: Collection[str] = (), down: Collection[str] = ()
    ) -> bool:
        """Make the table hold exactly these POPs, and these addresses as down."""


@dataclass(frozen=True, slots=True)
class PopEntry:
    """All that is known about one POP: its state, since when, where each address stands, its override."""

    health: PopHealth
    since: float
    standings: Mapping[str, Standing]
    plan: ProbePlan | None
    override: Override | None


class HealthBoard:
    """Folds what it is told and writes the table whenever a state changes.

    `resume` is the table as the process before left it: a POP or an address that was measured down stays
    so until its checks pass, instead of coming back because the edge was restarted. `heard` is told of each
    outcome that is taken in: the POP, and when it was checked.
    """

    def __init__(
        self,
        table: Table,
        *,
        resume: Content = NOTHING,
        clock: Callable[[], float] = time.time,
        region: str = LOCAL,
        heard: Callable[[str, float], None] = lambda _pop, _at: None,
    ) -> None:
        self._table = table
        self._heard = heard
        self._regions = {LOCAL: region}
        self.news = News()
        """Told whenever the state of a POP may have changed."""
        self._resume, self._resume_down = dict(resume.slots), set(resume.down)
        self._clock = clock
        self._plans: dict[str, ProbePlan] = {}
        self._standings: dict[str, dict[str, Standing]] | None = None  # None: the POPs are not known yet
        self._overrides: dict[str, Override] = {}
        self._health: dict[str, PopHealth] = {}
        self._since: dict[str, float] = {}

    def set_pops(self, pops: Mapping[str, ProbePlan | None]) -> None:
        """Make these the POPs, each with how it is checked, if it is. What stands of those that stay, stays.

        Before the first call the table keeps what it was left with, but for overrides: those are set
        first, so that a restart does not show a POP that was forced down as up for a moment, and one
        that the store no longer knows (it was lost, or restored) forces nothing for ever.
        """
        self._plans = {pop: plan for pop, plan in pops.items() if plan is not None}
        self._standings = {pop: self._started(pop, plan) for pop, plan in pops.items()}
        self.refresh()

    def set_agents(self, regions: Mapping[str, str]) -> None:
        """Let these agents speak, each for its region, besides the server's; what others said is dropped."""
        self._regions = {**regions, LOCAL: self._regions[LOCAL]}
        self.refresh()

    @property
    def agents(self) -> dict[str, str]:
        """The agents that speak besides the server's own, and their regions."""
        return {name: region for name, region in self._regions.items() if name != LOCAL}

    def set_overrides(self, overrides: Mapping[str, Override]) -> None:
        """Make these the overrides in force."""
        self._overrides = dict(overrides)
        self.refresh()

    def observe(
        self, pop: str, address: str, outcome: Outcome, agent: str = LOCAL, at: float | None = None
    ) -> bool:
        """Take in the outcome of one agent's check, made at `at` (now, if not stated).

        One of an address or an agent that left meanwhile is dropped. An agent's outcomes come in their order,
        whatever its clock says. Returns whether its next check should come soon: this one contradicts its
        verdict.
        """
        standings, now = (self._standings or {}).get(pop, {}), self._clock()
        if address not in standings or agent not in self._regions:
            return False
        view = standings[address].view(agent)
        at = min(now, max(now if at is None else at, view.seen_at if view else 0.0))
        standings[address] = standing.observe(
            standings[address], agent, outcome, self._plans[pop], self._regions, at, now
        )
        self._heard(pop, at)
        self._fold({pop})
        seen = standings[address].view(agent)
        return seen is not None and seen.verdict.contrary > 0

    def refresh(self) -> None:
        """Fold everything at this moment (overrides expire) and write the table."""
        if self._standings is None:
            self._carry_over(self._clock())
            return
        for pop, plan in self._plans.items():
            for address, known in self._standings[pop].items():
                self._standings[pop][address] = standing.settle(known, plan, self._regions, self._clock())
        gone = self._health.keys() - self._standings.keys()
        for pop in gone:
            del self._health[pop], self._since[pop]
        self._fold(self._standings)
        self._write()
        if gone:
            self.news.tell()

    def _fold(self, pops: Collection[str]) -> None:
        """Fold these POPs; tell, and write into the table, what changed."""
        now, standings, was_open = self._clock(), self._standings or {}, self.fail_open
        has_changed = False
        for pop, health in fold_all({pop: standings[pop] for pop in pops}, self._overrides, now).items():
            old = self._health.get(pop)
            self._health[pop] = health
            has_changed |= old != health
            if old is None or old.state != health.state:
                self._since[pop] = now
            if ((old or _NEW).state, (old or _NEW).down) != (health.state, health.down):
                _log_change(pop, health)
        if self.fail_open and not was_open:
            log.error("health.fail_open", extra={"pops": len(self._health)})
        if has_changed:
            self._write()
            self.news.tell()

    def _write(self) -> None:
        forced = [pop for pop, health in self._health.items() if health.forced]
        down = frozenset[str]().union(*(health.down for health in self._health.values()))
        self._table.set({pop: health.state for pop, health in self._health.items()}, forced, down)

    def entries(self) -> dict[str, PopEntry]:
        """Return what is known, by POP."""
        standings = self._standings or {}
        return {
            pop: PopEntry(
                health,
                self._since[pop],
                dict(standings[pop]),
                self._plans.get(pop),
                self._overrides.get(pop),
            )
            for pop, health in self._health.items()
        }

    @property
    def fail_open(self) -> bool:
        """Whether every POP is down, so that answers go out as if all were up."""
        return is_fail_open(self._health)

    def _carry_over(self, now: float) -> None:
        """Write what the process before left, but for states that nobody forces any more: those are up."""
        if not self._resume:
            return
        held = {p for p, o in self._overrides.items() if o.expires_at is None or o.expires_at > now}
        forced = {pop for pop, slot in self._resume.items() if slot.forced}
        for pop in sorted(forced - held):
            log.warning("pop.released", extra={"pop": pop, "reason": "the store holds no override"})
            self._resume[pop] = Slot(State.UP, forced=False, since=now)
        states = {pop: slot.state for pop, slot in self._resume.items()}
        self._table.set(states, forced & held, self._resume_down)

    def _started(self, pop: str, plan: ProbePlan | None) -> dict[str, Standing]:
        """Return where a POP's addresses stand: as they stood, or as the process before left them."""
        known, slot = (self._standings or {}).get(pop, {}), self._resume.pop(pop, None)
        if plan is None:
            return {}
        is_left = slot is not None and not slot.forced
        was_down = is_left and slot is not None and slot.state == State.DOWN
        down = set(plan.addresses) if was_down else self._resume_down & set(plan.addresses)
        self._resume_down -= down
        states = {a: "down" if a in down else "up" if is_left else plan.start for a in plan.addresses}
        now = self._clock()
        return {a: known[a] if a in known else standing.begin(now, states[a]) for a in plan.addresses}


_NEW = PopHealth(State.UP, False, "")
"""Stands for what was before a POP came: one that comes up is no news."""


def _log_change(pop: str, health: PopHealth) -> None:
    level = logging.WARNING if health.state == State.DOWN else logging.INFO
    fields = {
        "pop": pop,
        "state": health.state.name.lower(),
        "forced": health.forced,
        "reason": health.reason,
    }
    log.log(level, "pop.state", extra=fields)
