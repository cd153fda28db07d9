import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold
from itm.ops.health import HealthBoard
from itm.routemap.health import NOTHING, Content, HealthReader, HealthWriter, Slot, State
from itm.steer.health import Override

GOOD = Outcome(up=True, elapsed_ms=1.0)
BAD = Outcome(up=False, elapsed_ms=1.0, detail="connection refused")


def plan(*addresses: str, start: str = "up") -> ProbePlan:
    return ProbePlan(tuple(Target("tcp", a, 1) for a in addresses), 5.0, Threshold(rise=2, fall=3), start)


class FakeTable:
    """Remembers the last states written."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.forced: set[str] = set()
        self.down: set[str] = set()

    def set(
        self, states: Mapping[str, State], forced: Collection[str] = (), down: Collection[str] = ()
    ) -> bool:
        self.states, self.forced, self.down = dict(states), set(forced), set(down)
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def board(resume: Content = NOTHING) -> tuple[HealthBoard, FakeTable, Clock]:
    table, clock = FakeTable(), Clock()
    made = HealthBoard(table, resume=resume, clock=clock)
    made.set_pops({"a": plan("a1"), "b": plan("b1", "b2"), "unchecked": None})
    return made, table, clock


def test_the_failure_that_completes_the_fall_is_in_the_table_at_once() -> None:
    """Two failures say nothing, the third takes the POP out in the same call."""
    made, table, _ = board()
    for _ in range(2):
        made.observe("a", "a1", BAD)
    assert table.states["a"] == State.UP
    made.observe("a", "a1", BAD)
    assert table.states == {"a": State.DOWN, "b": State.UP, "unchecked": State.UP}


def test_who_asks_hears_of_every_check() -> None:
    """Of the POP and the time; not of what is dropped."""
    heard: list[tuple[str, float]] = []
    clock = Clock()
    made = HealthBoard(FakeTable(), clock=clock, heard=lambda pop, at: heard.append((pop, at)))
    made.set_pops({"a": plan("a1")})
    made.observe("a", "a1", BAD)
    made.observe("a", "a9", BAD)
    made.observe("a", "a1", BAD, at=clock.now - 5)
    assert heard == [("a", 1000), ("a", 1000)]  # never before what the same agent said last


def test_an_override_is_in_the_table_at_once_and_leaves_when_it_expires() -> None:
    """`pop drain --for 1h` needs nobody to end it, only time."""
    made, table, clock = board()
    made.set_overrides({"a": Override(State.DRAINED, expires_at=clock.now + 60)})
    assert (table.states["a"], table.forced) == (State.DRAINED, {"a"})
    clock.now += 60
    made.refresh()
    assert (table.states["a"], table.forced) == (State.UP, set())


def test_since_moves_with_the_state_only() -> None:
    """A check that confirms the state does not move `since`."""
    made, _, clock = board()
    clock.now = 1010.0
    made.observe("a", "a1", GOOD)
    assert made.entries()["a"].since == 1000.0
    made.set_overrides({"a": Override(State.DOWN)})
    clock.now = 1020.0
    made.refresh()
    assert made.entries()["a"].since == 1010.0


def test_a_new_catalog_keeps_what_was_measured() -> None:
    """A POP that stays keeps its verdict; one that left is gone from the table."""
    made, table, _ = board()
    for _ in range(3):
        made.observe("a", "a1", BAD)
    made.set_pops({"a": plan("a1"), "c": plan("c1")})
    assert table.states == {"a": State.DOWN, "c": State.UP}
    made.observe("b", "b1", BAD)
    assert "b" not in made.entries()


def test_a_restart_does_not_bring_a_dead_pop_back() -> None:
    """Measured down before the restart: down until `rise` checks pass; a forced state is not carried over."""
    left = {"a": Slot(State.DOWN, forced=False, since=1.0), "b": Slot(State.DOWN, forced=True, since=1.0)}
    made, table, _ = board(Content(left))
    assert (table.states["a"], table.states["b"]) == (State.DOWN, State.UP)
    for _ in range(2):
        made.observe("a", "a1", GOOD)
    assert table.states["a"] == State.UP


def test_all_down_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Fail open is an alert in the log and a flag for whoever asks."""
    made, _, _ = board()
    with caplog.at_level(logging.INFO, logger="itm.ops.health"):
        made.set_overrides({pop: Override(State.DOWN) for pop in ("a", "b", "unchecked")})
    assert made.fail_open
    assert "health.fail_open" in [record.getMessage() for record in caplog.records]
    made.set_overrides({})
    assert not made.fail_open


def test_every_change_of_state_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Confirming outcomes are silent."""
    made, _, _ = board()
    with caplog.at_level(logging.INFO, logger="itm.ops.health"):
        for _ in range(6):
            made.observe("a", "a1", BAD)
    changes = [
        (r.__dict__["pop"], r.__dict__["state"]) for r in caplog.records if r.getMessage() == "pop.state"
    ]
    assert changes == [("a", "down")]


def test_the_board_writes_the_real_table(tmp_path: Path) -> None:
    """The shared file shows the change to a reader in another process."""
    writer, reader = HealthWriter(tmp_path / "health.table"), HealthReader(tmp_path / "health.table")
    made = HealthBoard(writer)
    made.set_pops({"a": plan("a1")})
    reader.refresh()
    before = reader.sequence()
    made.set_overrides({"a": Override(State.DOWN)})
    assert reader.sequence() != before
    assert reader.read().states == {"a": State.DOWN}
    writer.close()


def test_a_restart_does_not_show_a_forced_down_pop_as_up() -> None:
    """Overrides come before the POPs are known; nothing is written until both are there."""
    table = FakeTable()
    table.states = {"a": State.DOWN}
    made = HealthBoard(table)
    made.set_overrides({"a": Override(State.DOWN)})
    assert table.states == {"a": State.DOWN}
    made.set_pops({"a": plan("a1")})
    assert table.states == {"a": State.DOWN}


def test_a_forced_state_that_the_store_does_not_know_is_released() -> None:
    """Before the POPs are known as well; what is still forced or was measured stays as it was left."""
    table, left = (
        FakeTable(),
        {
            "a": Slot(State.DOWN, forced=True, since=1.0),
            "b": Slot(State.DRAINED, forced=True, since=1.0),
            "c": Slot(State.DOWN, forced=False, since=1.0),
        },
    )
    made = HealthBoard(table, resume=Content(left), clock=Clock())
    made.set_overrides({"b": Override(State.DRAINED)})
    assert table.states == {"a": State.UP, "b": State.DRAINED, "c": State.DOWN}
    assert table.forced == {"b"}
    made.set_pops({"a": plan("a1"), "b": plan("b1"), "c": plan("c1")})
    assert table.states == {"a": State.UP, "b": State.DRAINED, "c": State.DOWN}


def test_an_address_leaves_and_comes_back_alone() -> None:
    """The POP stays up while one of its addresses passes; the table names the one that fails."""
    made, table, _ = board()
    for _ in range(3):
        made.observe("b", "b2", BAD)
    assert (table.states["b"], table.down) == (State.UP, {"b2"})
    for _ in range(3):
        made.observe("b", "b1", BAD)
    assert (table.states["b"], table.down) == (State.DOWN, set())
    for _ in range(2):
        made.observe("b", "b2", GOOD)
    assert (table.states["b"], table.down) == (State.UP, {"b1"})


def test_a_change_of_an_address_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """With the reason that names it."""
    made, _, _ = board()
    with caplog.at_level(logging.INFO, logger="itm.ops.health"):
        for _ in range(6):
            made.observe("b", "b2", BAD)
    told = [r.__dict__["reason"] for r in caplog.records if r.getMessage() == "pop.state"]
    assert len(told) == 1
    assert told[0].startswith("1 of 2 addresses fail: b2 since")


def test_a_restart_does_not_bring_a_dead_address_back() -> None:
    """Neither before the POPs are known nor after; its checks do."""
    table = FakeTable()
    left = Content({"b": Slot(State.UP, forced=False, since=1.0)}, frozenset({"b2", "gone"}))
    made = HealthBoard(table, resume=left, clock=Clock())
    made.set_overrides({})
    assert table.down == {"b2", "gone"}
    made.set_pops({"b": plan("b1", "b2")})
    assert table.down == {"b2"}
    for _ in range(2):
        made.observe("b", "b2", GOOD)
    assert table.down == set()


@pytest.mark.parametrize(
    ("start", "left", "state"),
    [
        ("up", None, State.UP),
        ("down", None, State.DOWN),
        ("unknown", None, State.UP),
        ("down", Slot(State.UP, forced=False, since=1.0), State.UP),
        ("up", Slot(State.DOWN, forced=False, since=1.0), State.DOWN),
        ("down", Slot(State.UP, forced=True, since=1.0), State.DOWN),
    ],
)
def test_how_a_pop_starts(start: str, left: Slot | None, state: State) -> None:
    """As its catalog entry says, unless the process before measured it: a restart takes nothing out."""
    table = FakeTable()
    made = HealthBoard(table, resume=Content({"a": left} if left else {}), clock=Clock())
    made.set_pops({"a": plan("a1", start=start)})
    assert table.states["a"] == state


def test_a_contrary_outcome_asks_for_another_check_soon() -> None:
    """Until the verdict is clear; confirming ones do not, nor does one of a POP that left."""
    made, _, _ = board()
    asked = [made.observe("a", "a1", outcome) for outcome in (GOOD, BAD, BAD, BAD, BAD, GOOD, GOOD)]
    assert asked == [False, True, True, False, False, True, False]
    assert not made.observe("gone", "a1", BAD)


def test_a_notice_is_told_of_a_pop_that_is_up() -> None:
    """A certificate that expires soon takes nobody out."""
    made, _, _ = board()
    made.observe("a", "a1", Outcome(up=True, elapsed_ms=1.0, notice="the certificate expires in 3.0 days"))
    health = made.entries()["a"].health
    assert (health.state, health.reason) == (State.UP, "checks pass; the certificate expires in 3.0 days")
