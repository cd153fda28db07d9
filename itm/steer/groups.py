"""Rows that the assignment need not tell apart: the same POPs at nearly the same costs, in; groups, out.

A program over all rows would take minutes, over their groups a second; what is granted to a group is given
out again by whole rows, and only the row on a border is split.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.steer.assign import Floats, Pops

MOST: Final = 20_000
"""Groups in all: HiGHS takes seconds for these, and minutes for five times as many."""

GRAIN_MS: Final = 1.0
"""How far apart costs of one group may be, near the best; doubled until there are few enough groups."""

COARSEST_MS: Final = 16.0
"""The coarsest grain at which costs still count; beyond it only the POPs do, then fewer of them."""

SCALE_MS: Final = 10.0
"""At this cost the grain is twice as wide, and so on: what costs 200 ms more is no second choice."""

LEAST_SHARE: Final = 0.01
"""A smaller part of a row is not split off: it would cost a leaf and be lost in the noise of caches."""


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """What the assignment reads of rows: `pop` (rows, k), the first choice in front, and what each costs.

    `cost_ms` is what a candidate costs more than the first choice, 0 for that one and never below. `pop`
    is padded with numbers that no POP has. Per row: `served`, and `demand`; `key` gives them an order.
    """

    pop: Pops
    cost_ms: npt.NDArray[np.floating[Any]]
    served: Pops
    demand: npt.NDArray[np.floating[Any]]
    key: npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups, as `assign` takes them, and the group `of_row`; `cost_ms` is the mean of a group's rows."""

    of_row: npt.NDArray[np.intp]
    pop: Pops
    cost_ms: Floats
    served: Pops
    demand: Floats

    def __len__(self) -> int:
        return len(self.pop)


def merge(near: Near, most: int = MOST) -> Groups:
    """Merge rows into at most `most` groups (one per first choice at least): equal POPs, near-equal costs.

    Where even equal POPs make too many groups the farthest candidates are left out, one after the other.
    """
    near = _by_pop(near)
    grain = GRAIN_MS
    first, of_row = _kinds(near, grain)
    while len(first) > most and near.pop.shape[1] > 1:
        if grain <= COARSEST_MS:
            grain *= 2
        else:
            near = _without_farthest(near)
        first, of_row = _kinds(near, grain)
    demand = np.bincount(of_row, near.demand, len(first)).astype(np.float64)
    rows = np.bincount(of_row, minlength=len(first))
    # Of groups nobody is in the plain mean: nothing is weighed.
    weight = np.where(demand[of_row] > 0, near.demand, 1.0)
    total = np.where(demand > 0, demand, rows)
    finite = np.where(np.isfinite(near.cost_ms), near.cost_ms, 0.0)
    sums = [np.bincount(of_row, weight * column, len(first)) / total for column in finite.T]
    cost = np.where(np.isfinite(near.cost_ms[first]), np.stack(sums, axis=1), np.inf)
    return Groups(of_row, near.pop[first], cost, near.served[first], demand)


def spread(groups: Groups, granted: Floats, near: Near) -> Floats:
    """Return (rows, k): the share of each row that each candidate of its group gets (`groups.pop`).

    Rows are given out whole in the order of their keys, those with the lowest to the first choice; one on a
    border is shared.
    """
    whole = np.zeros_like(granted)
    whole[np.arange(len(granted)), granted.argmax(axis=1)] = 1.0  # of none granted the first choice
    share: Floats = whole[groups.of_row]
    is_split = (granted > 0).sum(axis=1) > 1
    rows = np.flatnonzero(is_split[groups.of_row])
    rows = rows[np.lexsort((near.key[rows], groups.of_row[rows]))]
    edges = np.flatnonzero(np.diff(groups.of_row[rows], prepend=-1, append=-1))
    for begin, end in pairwise(edges.tolist()):
        own = rows[begin:end]
        share[own] = _cut(near.demand[own].astype(np.float64), granted[groups.of_row[own[0]]])
    return share


def _cut(demand: Floats, granted: Floats) -> Floats:
    """Lay rows and grants end to end and return how much of each row lies in each grant."""
    end = np.cumsum(demand)
    limit = np.cumsum(granted) * (end[-1] / granted.sum())
    begin, start = end - demand, np.append(0.0, limit[:-1])
    limit[-1] = np.inf
    inside = np.minimum(end[:, None], limit) - np.maximum(begin[:, None], start)
    part = np.maximum(inside, 0) / np.maximum(demand, 1e-300)[:, None]
    part[part < LEAST_SHARE] = 0.0
    empty = np.flatnonzero(~part.any(axis=1))
    last = np.flatnonzero(granted > 0)[-1]  # padding behind it is granted nothing, and is no POP
    part[empty, np.minimum(np.searchsorted(limit, begin[empty], side="right"), last)] = 1.0
    normal: Floats = part / part.sum(axis=1, keepdims=True)
    return normal


def _by_pop(near: Near) -> Near:
    """Put the candidates behind the first choice in the order of POPs: equal sets are equal lists."""
    order = np.argsort(near.pop[:, 1:], axis=1, kind="stable") + 1
    order = np.concatenate([np.zeros((len(order), 1), dtype=order.dtype), order], axis=1)
    pop = np.take_along_axis(near.pop, order, axis=1)
    cost = np.take_along_axis(near.cost_ms, order, axis=1).astype(np.float64)
    return Near(pop, cost, near.served, near.demand, near.key)


def _without_farthest(near: Near) -> Near:
    """Leave out the costliest candidate of every row; padding goes first."""
    far = near.cost_ms.shape[1] - 1 - near.cost_ms[:, ::-1].argmax(axis=1)
    far = np.where(far == 0, near.cost_ms.shape[1] - 1, far)  # the first choice stays
    keep = np.ones(near.pop.shape, dtype=bool)
    keep[np.arange(len(far)), far] = False
    shape = (len(far), near.pop.shape[1] - 1)
    return Near(
        near.pop[keep].reshape(shape), near.cost_ms[keep].reshape(shape), near.served, near.demand, near.key
    )


def _kinds(near: Near, grain: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return one row of each kind, in an order of the kinds' own, and the kind of each row."""
    cost = np.where(np.isfinite(near.cost_ms), near.cost_ms, 0.0)
    level = SCALE_MS * np.log1p(cost / SCALE_MS) / grain if grain <= COARSEST_MS else np.zeros_like(cost)
    # Whatever else was served than a candidate makes no difference between these.
    is_near = (near.pop == near.served[:, None]).any(axis=1)
    served = np.where(is_near, near.served, np.iinfo(np.uint16).max)
    columns = np.concatenate(
        [near.pop, np.round(level).astype(np.uint16), served[:, None].astype(np.uint16)], axis=1
    )
    packed = np.ascontiguousarray(columns).view(np.dtype((np.void, 2 * columns.shape[1]))).ravel()
    _, first, of_row = np.unique(packed, return_index=True, return_inverse=True)
    return first, of_row.ravel()
