"""What becomes of reports: counted once, judged per agent, folded into the board."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collectors.probe.agent.report import Observed, Report
from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold
from itm.errors import NotEnrolled, Refused
from itm.ops.agents import MOST_ENROLLING, Agents
from itm.ops.health import HealthBoard
from itm.ops.metrics import Registry
from itm.routemap.health import State
from itm.store import agents as store
from itm.store import migrate
from itm.store.agents import Agent
from itm.store.engine import open_engine
from tests.itm.ops.test_health import Clock, FakeTable

PLANS = {"fra": ProbePlan((Target("tcp", "192.0.2.1", 1),), 5.0, Threshold(2, 3))}
GOOD, BAD = Outcome(True, 1.0), Outcome(False, 1.0, "refused")


class Bench:
    """A board of one POP and agents enrolled in the store: `eu`, `na` and `ap`, each in its region."""

    def __init__(self, state: Path) -> None:
        url = f"sqlite:///{state / 'itm.db'}"
        migrate.upgrade(url)
        self.engine, self.clock, self.table = open_engine(url), Clock(), FakeTable()
        self.board = HealthBoard(self.table, clock=self.clock, region="home")
        self.board.set_pops(dict(PLANS))
        self.clock.now += 30.0  # nobody is awaited any more
        self.agents = Agents(self.engine, self.board, Registry(), self.clock)
        self.agents.set_plans(PLANS)
        for name in ("eu", "na", "ap"):
            token = store.invite(
                self.engine, name, name, author="t", now=1.0, token_expires_at=1e9, expires_at=5000.0
            )
            store.enrol(self.engine, token, name * 30, 2.0)
        self.reload()

    def reload(self) -> None:
        asyncio.run(self.agents.reload())

    def agent(self, name: str) -> Agent:
        return self.agents.who(name * 30)

    def take(self, name: str, sequence: int, *outcomes: Outcome, run: str = "r", age: float = 0.0) -> int:
        observed = tuple(Observed("fra", "192.0.2.1", outcome, age) for outcome in outcomes)
        report = Report(run, sequence, self.agents.version, observed)
        return self.agents.take(self.agent(name), report).accepted

    @property
    def state(self) -> State:
        return self.table.states["fra"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_one_agent_says_down_and_is_outvoted(bench: Bench) -> None:
    """Two of three regions take a POP out, one does not."""
    for name in ("na", "ap"):
        bench.take(name, 1, GOOD)
    bench.take("eu", 1, BAD, BAD, BAD)
    assert bench.state == State.UP
    assert bench.board.entries()["fra"].health.reason == (
        "checks pass; down in eu (1 of 1 agents); up in ap (1 of 1), na (1 of 1)"
    )
    bench.take("na", 2, BAD, BAD, BAD)
    assert bench.state == State.DOWN
    assert "down in eu (1 of 1 agents), na (1 of 1); up in ap (1 of 1): refused" in (
        bench.board.entries()["fra"].health.reason
    )


def test_a_report_that_is_sent_again_counts_once(bench: Bench) -> None:
    """Within a run numbers only grow; another run begins anew."""
    assert bench.take("eu", 1, BAD) == 1
    for _ in range(5):
        assert bench.take("eu", 1, BAD) == 0
    assert bench.take("eu", 2, BAD) == 1
    assert bench.state == State.UP
    assert bench.take("eu", 1, BAD, run="another") == 1
    assert bench.state == State.DOWN


def test_outcomes_that_say_nothing_are_counted_with_their_reason(bench: Bench) -> None:
    """Too old, of another plan, of what is not planned."""
    agent = bench.agent("eu")
    foreign = (Observed("gone", "192.0.2.1", BAD, 0.0), Observed("fra", "192.0.2.9", BAD, 0.0))
    taken = bench.agents.take(agent, Report("r", 1, bench.agents.version, foreign))
    assert (taken.accepted, taken.refused) == (0, {"not_planned": 2})
    one = (Observed("fra", "192.0.2.1", BAD, 22.1),)
    assert bench.agents.take(agent, Report("r", 2, bench.agents.version, one)).refused == {"too_old": 1}
    assert bench.agents.take(agent, Report("r", 3, "another", one)).refused == {"other_plan": 1}
    assert bench.board.entries()["fra"].standings["192.0.2.1"].views == ()


def test_what_came_late_keeps_its_order(bench: Bench) -> None:
    """A report that was long on its way does not push the next one's outcomes aside."""
    bench.take("eu", 1, BAD, age=0.0)
    assert bench.take("eu", 2, BAD, BAD, age=2.0) == 2
    assert bench.state == State.DOWN


def test_an_agent_that_went_silent_has_no_vote(bench: Bench) -> None:
    """The others decide without it, at the next look; its view is still shown."""
    bench.take("eu", 1, BAD, BAD, BAD)
    assert bench.state == State.DOWN
    bench.clock.now += 20
    bench.take("na", 1, GOOD, GOOD)
    assert bench.state == State.DOWN
    bench.clock.now += 3
    bench.board.refresh()
    assert bench.state == State.UP
    assert len(bench.board.entries()["fra"].standings["192.0.2.1"].views) == 2


def test_an_agent_of_a_clock_that_was_set_back_has_no_vote_until_it_reports(bench: Bench) -> None:
    """Else what it said while our clock ran ahead would be fresh for as long."""
    right = bench.clock.now
    bench.clock.now += 1_000
    bench.take("na", 1, GOOD)
    bench.take("eu", 1, BAD, BAD, BAD)
    bench.clock.now = right
    bench.take("na", 2, BAD, BAD, BAD)
    assert bench.state == State.DOWN
    bench.take("na", 3, GOOD, GOOD)
    assert bench.state == State.UP
    assert bench.board.entries()["fra"].standings["192.0.2.1"].quorum.agents == 1


def test_a_revoked_agent_is_out_with_all_it_said(bench: Bench) -> None:
    """At the next look at the store; its next report is refused with the reason."""
    bench.take("na", 1, GOOD)
    bench.take("eu", 1, BAD, BAD, BAD)
    bench.take("ap", 1, BAD, BAD, BAD)
    assert bench.state == State.DOWN
    store.revoke(bench.engine, "ap", author="t", now=3.0)
    bench.reload()
    bench.take("na", 2, GOOD, GOOD)
    assert len(bench.board.entries()["fra"].standings["192.0.2.1"].views) == 2
    with pytest.raises(Refused, match="the agent 'ap' was revoked"):
        bench.agent("ap")


def test_a_credential_ends_when_it_expires(bench: Bench) -> None:
    """Whatever the store was read before; an unknown one is told to enrol."""
    bench.clock.now = 5000.0
    with pytest.raises(Refused, match="has expired"):
        bench.agent("eu")
    with pytest.raises(Refused, match="unknown: enrol"):
        bench.agents.who("nobody")


def test_a_crowd_that_guesses_is_turned_away(bench: Bench) -> None:
    """What waits for the store is bounded; afterwards the next one is heard."""

    async def crowd(size: int) -> list[object]:
        guesses = (bench.agents.enrol(f"itmp_{n}", "c" * 43) for n in range(size))
        return [*await asyncio.gather(*guesses, return_exceptions=True)]

    said = asyncio.run(crowd(MOST_ENROLLING + 5))
    assert sum(isinstance(one, NotEnrolled) for one in said) == MOST_ENROLLING
    assert [one.status for one in said if isinstance(one, Refused)] == [503] * 5
    assert [type(one) for one in asyncio.run(crowd(1))] == [NotEnrolled]


def test_an_enrolled_agent_may_report_at_once(bench: Bench) -> None:
    """Nobody waits for the next look at the store; a wrong token changes nothing."""
    token = store.invite(bench.engine, "sa", "sa", author="t", now=1.0, token_expires_at=1e9)

    async def enrol() -> Agent:
        with pytest.raises(NotEnrolled):
            await bench.agents.enrol("itmp_wrong", "x" * 43)
        return await bench.agents.enrol(token, "x" * 43)

    assert asyncio.run(enrol()) == bench.agents.who("x" * 43)
    assert bench.board.agents["sa"] == "sa"
