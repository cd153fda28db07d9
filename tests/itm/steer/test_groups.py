"""Groups: nobody is lost in merging, and what a group is granted its rows get, whole but for one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itm.steer.assign import assign
from itm.steer.groups import LEAST_SHARE, Near, merge, spread

NOBODY = 0xFFFF


def near(pop: Any, cost: Any, demand: Any, served: Any = None) -> Near:
    rows = len(pop)
    first = [row[0] for row in pop]
    return Near(
        pop=np.array(pop, np.uint16),
        cost_ms=np.array(cost, float),
        served=np.array(first if served is None else served, np.uint16),
        demand=np.array(demand, float),
        key=np.arange(rows, dtype=np.uint64),
    )


def drawn(seed: int, rows: int = 300, pops: int = 7, k: int = 4) -> Near:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(0, 60, (rows, pops))
    pop = np.argsort(cost, axis=1)[:, :k]
    cost = np.take_along_axis(cost, pop, axis=1)
    cost[rng.random(rows) < 0.1, -1] = np.inf
    pop[np.isinf(cost)] = NOBODY
    served = np.where(rng.random(rows) < 0.8, pop[:, 0], rng.integers(0, pops, rows))
    demand = np.where(rng.random(rows) < 0.1, 0, rng.pareto(1.5, rows))
    return near(pop, cost - cost[:, :1], demand, served)


def test_equal_pops_at_near_costs_are_one_group() -> None:
    got = merge(near([[0, 1, 2], [0, 2, 1], [0, 1, 2]], [[0, 5, 8], [0, 8.2, 5.2], [0, 5, 30]], [1, 3, 1]))
    assert got.of_row.tolist() == [got.of_row[0], got.of_row[0], 1 - got.of_row[0]]
    own = got.of_row[0]
    assert got.demand[own] == 4
    assert got.pop[own].tolist() == [0, 1, 2]
    assert got.cost_ms[own] == pytest.approx([0, 5.15, 8.15])


def test_another_first_choice_or_another_served_pop_is_another_group() -> None:
    got = merge(near([[0, 1], [1, 0], [0, 1]], [[0, 0.1]] * 3, [1, 1, 1], [0, 1, 1]))
    assert len(got) == 3
    elsewhere = merge(near([[0, 1], [0, 1]], [[0, 0.1]] * 2, [1, 1], [5, 6]))
    assert len(elsewhere) == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([10, 40, 1000]))
def test_merging_loses_no_demand_and_no_first_choice(seed: int, most: int) -> None:
    rows = drawn(seed)
    got = merge(rows, most)
    assert len(got) <= max(most, 7 * 8)
    assert got.demand.sum() == pytest.approx(rows.demand.sum())
    assert (got.pop[got.of_row, 0] == rows.pop[:, 0]).all()
    assert (got.cost_ms[:, 0] == 0).all()
    assert np.isfinite(got.cost_ms).tolist() == (got.pop != NOBODY).tolist()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_rows_get_what_their_group_was_granted(seed: int) -> None:
    rows = drawn(seed)
    groups = merge(rows, 40)
    room = np.bincount(rows.pop[:, 0], rows.demand, 7) * np.random.default_rng(seed).uniform(0.5, 3, 7)
    granted = assign(groups.cost_ms, groups.pop, groups.demand, room, groups.served).granted
    share = spread(groups, granted, rows)
    assert share.sum(axis=1) == pytest.approx(1)
    assert (share[share > 0] >= LEAST_SHARE).all()
    for group in range(len(groups)):
        own = groups.of_row == group
        assert ((share[own] > 0).sum(axis=1) > 1).sum() <= max((granted[group] > 0).sum() - 1, 0)
        missing = np.abs((share[own] * rows.demand[own, None]).sum(axis=0) - granted[group])
        assert missing.max() <= 2 * LEAST_SHARE * rows.demand[own].max() + 1e-9


def test_rows_are_given_out_whole_in_the_order_of_their_keys() -> None:
    rows = near([[0, 1]] * 4, [[0, 8]] * 4, [1, 1, 1, 1])
    rows = Near(rows.pop, rows.cost_ms, rows.served, rows.demand, np.array([9, 2, 7, 4], np.uint64))
    groups = merge(rows)
    share = spread(groups, np.array([[2.5, 1.5]]), rows)
    assert share == pytest.approx(np.array([[0, 1], [1, 0], [0.5, 0.5], [1, 0]]))


def test_a_row_of_nobody_behind_all_others_gets_a_pop() -> None:
    """Of a group that is split, padding behind its candidates: the last one that was granted anything."""
    rows = near([[0, 1, NOBODY]] * 3, [[0, 8, np.inf]] * 3, [1, 1, 0])
    share = spread(merge(rows), np.array([[1.0, 1.0, 0.0]]), rows)
    assert share.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
