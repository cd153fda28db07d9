"""Where one address stands: every agent's view of it, and the quorum of those that are fresh.

Pure: a standing and what happened in, the next standing out. Thresholds hold per agent. A view counts from
its first outcome until `fresh_seconds` after its last one; an agent that comes later begins with the state
that stands, so that its coming alone changes nothing. For as long after the beginning of a standing, agents
that have no view yet are awaited: after a restart the server's own checks do not decide for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.quorum import NOBODY, Quorum, Vote, decide
from collectors.probe.threshold import Verdict, judge, start


@dataclass(frozen=True, slots=True)
class View:
    """What one agent has seen of the address, and when it was last seen (seconds since the epoch)."""

    agent: str
    region: str
    verdict: Verdict
    seen_at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """`up` since `since`, known since `begun`. `is_open`: nothing is known yet, the first quorum decides."""

    up: bool
    since: float
    begun: float
    quorum: Quorum
    views: tuple[View, ...] = ()
    is_open: bool = False

    def view(self, agent: str) -> View | None:
        """Return that agent's view."""
        return next((view for view in self.views if view.agent == agent), None)

    @property
    def detail(self) -> str:
        """Why it is down, in the words of the agent that found so last; empty when none finds so."""
        down = [view.verdict for view in self.views if not view.verdict.up and view.verdict.detail]
        return max(down, key=lambda verdict: verdict.since).detail if down else ""

    @property
    def notices(self) -> tuple[str, ...]:
        """What to look after although checks pass, each once."""
        return tuple(sorted({view.verdict.notice for view in self.views if view.verdict.notice}))


def begin(now: float, state: str = "up") -> Standing:
    """Return the standing of an address nobody has checked; `state` is one of `STARTS`."""
    is_up = state != "down"
    return Standing(is_up, now, now, Quorum(is_up), is_open=state == "unknown")


def observe(
    standing: Standing,
    agent: str,
    outcome: Outcome,
    plan: ProbePlan,
    agents: Mapping[str, str],
    at: float,
    now: float,
) -> Standing:
    """Return the standing after an outcome of one agent at `at`: not before its last one, nor after `now`.

    `agents` are all that may speak, and their regions; the agent is one of them.
    """
    view = standing.view(agent)
    state = "unknown" if standing.is_open else "up" if standing.up else "down"
    verdict = judge(view.verdict if view else start(at, state), outcome, plan.threshold, at)
    others = tuple(other for other in standing.views if other.agent != agent)
    views = tuple(sorted((*others, View(agent, agents[agent], verdict, at)), key=lambda view: view.agent))
    return settle(replace(standing, views=views), plan, agents, now)


def settle(standing: Standing, plan: ProbePlan, agents: Mapping[str, str], now: float) -> Standing:
    """Return the standing as it is at `now`: views grow old, and only of `agents` there are any."""
    views = standing.views
    if any(view.agent not in agents for view in views):
        views = tuple(view for view in views if view.agent in agents)
    votes = (Vote(view.agent, view.region, view.verdict.up) for view in views if is_fresh(view, plan, now))
    awaited = NOBODY
    if not standing.is_open and abs(now - standing.begun) <= plan.fresh_seconds:
        seen = {view.agent for view in views}
        awaited = {agent: region for agent, region in agents.items() if agent not in seen}
    quorum = decide(votes, standing.up, awaited)
    since = standing.since if quorum.up == standing.up else now
    is_open = standing.is_open and not quorum.is_decided
    return Standing(quorum.up, since, standing.begun, quorum, views, is_open)


def is_fresh(view: View, plan: ProbePlan, now: float) -> bool:
    """Tell whether the view still counts; one far ahead of now is of a clock that was set back."""
    return abs(now - view.seen_at) <= plan.fresh_seconds
