from __future__ import annotations

import math

import numpy as np
import pytest

from itm.routemap.health import State
from itm.steer.loads import PopLoad
from itm.steer.rooms import MOST_TIMES, SCALE_STEP, Rooms, Usual, full
from tests.itm.steer.worlds import pop

POPS = (pop("a", 1, capacity=100.0), pop("b", 2, capacity=100.0), pop("c", 3), pop("d", 4))


def load(sessions: float, capacity: float) -> PopLoad:
    return PopLoad(sessions, capacity, 1, 0.0)


def test_the_smaller_of_what_catalog_and_hosts_state_holds() -> None:
    """Nobody states D's: it is never full."""
    loads = {"a": load(5, 40), "b": load(5, 400), "c": load(5, 70), "gone": load(1, 1)}
    got = Rooms.of(POPS, loads, {"b": State.DOWN, "c": State.DRAINED, "d": State.DEGRADED})
    assert got.capacity.tolist() == [40, 100, 70, math.inf]
    assert got.reported[:3].tolist() == [5, 5, 5]
    assert math.isnan(got.reported[3])
    assert got.is_away.tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("pops", "loads", "planned", "limited"),
    [
        (POPS, {}, 0.0, False),
        (POPS, {}, 10.0, True),
        (POPS, {"d": load(1, 1)}, 0.0, True),
        (POPS[2:], {}, 10.0, False),
    ],
)
def test_limits_need_a_capacity_and_sessions(
    pops: tuple, loads: dict[str, PopLoad], planned: float, limited: bool
) -> None:
    assert Rooms.of(pops, loads, {}, planned).is_limited is limited


def near(got: float, wanted: float) -> bool:
    return wanted <= got <= wanted * SCALE_STEP


def test_a_unit_of_demand_is_what_its_pop_reports() -> None:
    """Rounded up a little, within bounds of the mean; the mean where nobody reports or nobody is served."""
    served = np.array([1000.0, 3000.0, 0.0, 6000.0])
    got = Rooms.of(POPS, {"a": load(2000, 1), "b": load(9000, 1), "c": load(5, 1)}, {}).units(served)
    mean = 11_000 / 4000
    assert near(got[0], 2100 / (1000 + 100 / mean))
    assert near(got[1], 9100 / (3000 + 100 / mean))
    assert near(got[2], mean)
    assert near(got[3], mean)
    lie = Rooms.of(POPS, {"a": load(2000, 1), "b": load(0, 1), "d": load(6000, 1)}, {}).units(served)
    assert near(lie[1], 8000 / 10_000 / MOST_TIMES)


def test_while_a_pop_is_away_units_move_together() -> None:
    """Its users are at others: their reports say how many there are in all, not whose they are."""
    served = np.array([1000.0, 3000.0, 0.0, 6000.0])
    reports = {"b": load(8000, 1), "d": load(12_000, 1)}
    away = {"a": State.DOWN}
    before = {"a": 5.0, "b": 1.0, "c": 1.0, "d": 2.0}  # 20,000 in all
    usual = {name: Usual(unit, 1.0) for name, unit in before.items()}
    got = Rooms.of(POPS, reports, away, 0.0, usual).units(served)
    assert [near(one, was) for one, was in zip(got, before.values(), strict=True)] == [True] * 4
    fresh = Rooms.of(POPS, reports, away).units(served)
    assert all(near(one, 2.0) for one in fresh)


def test_without_reports_the_plan_says_how_many_there_are() -> None:
    served = np.array([10.0, 30.0, 0.0, 60.0])
    assert all(near(one, 5.0) for one in Rooms.of(POPS, {}, {}, 500.0).units(served))
    assert not Rooms.of(POPS, {"a": load(0, 100)}, {}).units(served).any()


def test_a_little_more_or_less_is_the_same() -> None:
    served = np.array([1000.0, 0, 0, 0])
    loads = ({"a": load(n, 900)} for n in np.linspace(801, 811, 5))
    assert len({float(Rooms.of(POPS, one, {}).units(served)[0]) for one in loads}) <= 2


def test_what_is_new_counts_by_half_and_by_what_was_really_sent() -> None:
    """The build before sent the POP half of a network that is reckoned to it."""
    usual = {"a": Usual(1.0, 500.0)}
    got = Rooms.of(POPS, {"a": load(2000, 900)}, {}, 0.0, usual).units(np.array([1000.0, 0, 0, 0]))
    assert near(got[0], np.sqrt(1.0 * 2100 / (500 + 100 / 2.0)))


def test_full_is_above_what_the_assignment_likes_to_give() -> None:
    loads = {"a": PopLoad(86, 100, 1, 0.0), "b": PopLoad(85, 100, 1, 0.0)}
    assert full(loads) == {"a"}
