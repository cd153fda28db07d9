"""The assignment: optima known by hand, and what must hold for every input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from itm.steer.assign import HARD, MOVE_MS, SOFT, Assignment, assign

NOBODY = 0xFFFF


def solve(cost: Any, pop: Any, demand: Any, room: Any, **more: Any) -> Assignment:
    for name in ("served", "fixed"):
        if name in more:
            more[name] = np.array(more[name], dtype=np.uint16 if name == "served" else float)
    return assign(
        np.array(cost, float),
        np.array(pop, np.uint16),
        np.array(demand, float),
        np.array(room, float),
        **more,
    )


def test_everybody_gets_the_nearest_where_all_fit() -> None:
    got = solve([[5, 9], [3, 8]], [[0, 1], [1, 0]], [10, 20], [100, 100])
    assert got.granted.tolist() == [[10, 0], [20, 0]]
    assert got.load.tolist() == [10, 20]
    assert not got.overload.any()


def test_whoever_loses_least_gives_way() -> None:
    """Both want POP 0, which holds 95 of 120: who loses 20 ms goes, not who loses 90."""
    got = solve([[5, 95], [5, 25]], [[0, 1], [0, 1]], [60, 60], [100, 1000])
    assert got.granted == pytest.approx(np.array([[60, 0], [35, 25]]))
    assert got.load == pytest.approx([95, 25])


def test_above_the_soft_limit_only_those_leave_who_lose_little() -> None:
    near = solve([[5, 95], [5, 12]], [[0, 1], [0, 1]], [60, 30], [100, 1000])
    assert near.load[0] == pytest.approx(100 * SOFT)
    far = solve([[5, 95], [5, 25]], [[0, 1], [0, 1]], [60, 30], [100, 1000])
    assert far.load[0] == pytest.approx(90)


def test_a_chain_of_moves_makes_room() -> None:
    """Group 1 has only POPs 0 and 1, both full: a group of POP 1 goes on to POP 2."""
    got = solve([[5, 6], [5, 6], [5, 6]], [[0, NOBODY], [0, 1], [1, 2]], [90, 50, 90], [100, 100, 100])
    assert not got.overload.any()
    assert (got.load <= 100 * HARD + 1e-6).all()
    assert got.granted.sum(axis=1) == pytest.approx([90, 50, 90])


def test_what_is_served_stays_unless_it_is_worth_a_move() -> None:
    cost, pops = [[5, 5 + MOVE_MS - 1]], [[0, 1]]
    assert solve(cost, pops, [1], [10, 10], served=[1]).granted.tolist() == [[0, 1]]
    assert solve(cost, pops, [1], [10, 10]).granted.tolist() == [[1, 0]]
    assert solve([[5, 5 + MOVE_MS + 1]], pops, [1], [10, 10], served=[1]).granted.tolist() == [[1, 0]]


def test_load_that_stays_takes_room() -> None:
    got = solve([[5, 30]], [[0, 1]], [50], [100, 100], fixed=[70, 0])
    assert got.granted == pytest.approx(np.array([[25, 25]]))
    assert got.load == pytest.approx([95, 25])


def test_too_much_for_all_is_spread_reported_and_dropped_by_nobody() -> None:
    got = solve([[5, 50]], [[0, 1]], [400], [100, 200])
    assert got.granted.sum() == pytest.approx(400)
    assert got.overload.sum() == pytest.approx(400 - 300 * HARD)
    assert (got.load / [100, 200]).tolist() == pytest.approx([1.5, 1.25])


def test_nobody_is_sent_to_a_pop_without_room_while_another_has_some() -> None:
    got = solve([[5, 300]], [[0, 1]], [50], [0, 100])
    assert got.granted == pytest.approx(np.array([[0, 50]]))
    alone = solve([[5]], [[0]], [50], [0])
    assert alone.granted.tolist() == [[50]]
    assert alone.overload.tolist() == [50]


def test_no_limit_is_no_limit() -> None:
    got = solve([[5, 6]], [[0, 1]], [1e9], [np.inf, 1])
    assert got.granted.tolist() == [[1e9, 0]]
    assert not got.overload.any()


def test_nothing_to_assign() -> None:
    got = assign(np.zeros((0, 3)), np.zeros((0, 3), np.uint16), np.zeros(0), np.zeros(2), fixed=np.ones(2))
    assert got.granted.shape == (0, 3)
    assert got.overload.tolist() == [1, 1]
    assert solve([[5, 6]], [[0, 1]], [0], [0, 0], fixed=[1, 0]).granted.tolist() == [[0, 0]]


def world(seed: int, groups: int = 60, pops: int = 6, k: int = 4) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(1, 200, (groups, pops))
    pop = np.argsort(cost, axis=1)[:, :k].astype(np.uint16)
    demand = rng.pareto(1.3, groups) + 0.01
    room = rng.uniform(0.1, 1, pops)
    return {
        "cost_ms": np.take_along_axis(cost, pop.astype(np.intp), axis=1),
        "pop": pop,
        "demand": demand,
        "room": room / room.sum() * demand.sum() * rng.uniform(0.8, 3),
        "served": rng.integers(0, pops + 1, groups).astype(np.uint16),
    }


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_nobody_is_dropped_and_rooms_hold_where_they_can(seed: int) -> None:
    one = world(seed)
    got = assign(**one)
    assert (got.granted >= 0).all()
    assert got.granted.sum(axis=1) == pytest.approx(one["demand"])
    assert got.load.sum() == pytest.approx(one["demand"].sum())
    assert got.overload.sum() == pytest.approx(least_overload(one), abs=1e-5 * one["demand"].sum())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_the_input_changes_nothing(seed: int) -> None:
    one, rng = world(seed), np.random.default_rng(seed)
    for name in ("cost_ms", "pop", "demand", "served"):  # some groups are equal in all but their demand
        one[name] = np.concatenate([one[name], one[name][:20] * (2 if name == "demand" else 1)])
    order = rng.permutation(len(one["demand"]))
    shuffled = {name: one[name][order] if name != "room" else one[name] for name in one}
    got, other = assign(**one), assign(**shuffled)
    assert np.array_equal(got.granted[order], other.granted)
    assert np.array_equal(got.load, other.load)


def least_overload(one: dict[str, Any]) -> float:
    """What a program that minimises nothing else finds: the flow above 95 % of the rooms."""
    groups, k = one["pop"].shape
    pops = len(one["room"])
    per_pop = np.zeros((pops, groups * k + pops))
    per_pop[one["pop"].ravel(), np.arange(groups * k)] = 1
    per_pop[np.arange(pops), groups * k + np.arange(pops)] = -1
    per_group = np.zeros((groups, groups * k + pops))
    per_group[np.repeat(np.arange(groups), k), np.arange(groups * k)] = 1
    cost = np.append(np.zeros(groups * k), np.ones(pops))
    found = linprog(cost, A_ub=per_pop, b_ub=HARD * one["room"], A_eq=per_group, b_eq=one["demand"])
    return float(found.fun)


def test_a_group_of_next_to_nobody_has_the_cheapest() -> None:
    """Beside so much more demand the solver may leave it out; its shares are numbers nevertheless."""
    got = solve([[5, 95], [5, 25]], [[0, 1], [0, 1]], [120, 1e-9], [100, 1000])
    assert np.isfinite(got.granted).all()
    assert got.granted.sum() == pytest.approx(120 + 1e-9)
