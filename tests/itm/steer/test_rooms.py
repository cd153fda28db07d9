from __future__ import annotations

import math

import numpy as np
import pytest

from itm.routemap.health import State
from itm.steer.loads import PopLoad
from itm.steer.rooms import SCALE_STEP, Rooms
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


def test_sessions_of_a_unit_of_demand_by_those_who_report() -> None:
    """By what they serve, rounded up a little; by the plan where nobody reports who serves any."""
    demand = np.array([10.0, 30.0, 0.0, 60.0])
    told = Rooms.of(POPS, {"a": load(20, 100), "b": load(60, 100)}, {}, 500.0)
    assert 2.0 <= told.sessions_per(demand) <= 2.0 * SCALE_STEP
    away = Rooms.of(POPS, {"a": load(20, 100), "b": load(1e6, 1e6)}, {"b": State.DOWN}, 500.0)
    assert 2.0 <= away.sessions_per(demand) <= 2.0 * SCALE_STEP
    idle = Rooms.of(POPS, {"c": load(20, 100)}, {}, 500.0)
    assert 5.0 <= idle.sessions_per(demand) <= 5.0 * SCALE_STEP
    assert Rooms.of(POPS, {"a": load(0, 100)}, {}).sessions_per(demand) == 0


def test_a_little_more_or_less_is_the_same() -> None:
    demand = np.array([10.0, 0, 0, 0])
    units = {Rooms.of(POPS, {"a": load(n, 900)}, {}).sessions_per(demand) for n in np.linspace(801, 811, 5)}
    assert len(units) <= 2
