"""Who is served where when not everybody can have the nearest POP: groups and rooms in, `Assignment` out.

A transport problem (Hitchcock 1941) as one linear program, solved by HiGHS (Huangfu, Hall 2018). Pure and
without memory: the same groups in whatever order get the same; what was served is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]
Pops = npt.NDArray[np.uint16]

SOFT: Final = 0.85
"""Share of a POP's room from which one session more costs `SOFT_MS` (steering.md 7.11)."""

HARD: Final = 0.95
"""Share of a POP's room that is exceeded only where no choice of POPs avoids it (Edge Fabric's limit)."""

SOFT_MS: Final = 10.0
"""What a session above `SOFT` costs: it goes elsewhere where that is not farther than this."""

MOVE_MS: Final = 5.0
"""What it costs to serve a session elsewhere than now: what is not worth this stays where it is."""

MOST_MS: Final = 1_000.0
"""The most that a choice may cost: more than any route, and far less than overload."""

OVERLOAD_MS: Final = 100_000.0
"""What a session above `HARD` costs: more than fifty moves of `MOST_MS`, so no latency pays for it."""

STEPS: Final = ((HARD, 1.0), (1.0, 2.0), (1.25, 3.0), (1.5, 4.0), (2.0, 5.0), (4.0, 6.0))
"""From which share of the room overload costs how often `OVERLOAD_MS`: what cannot be avoided is spread."""


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """`granted` (groups, k): the demand of each group that goes to each of its POPs; rows sum to the demand.

    Per POP, in the unit of demand: `load` with what was fixed, `overload` the part of it above `HARD`.
    """

    granted: Floats
    load: Floats
    overload: Floats


def assign(
    cost_ms: npt.NDArray[np.floating[Any]],
    pop: Pops,
    demand: npt.NDArray[np.floating[Any]],
    room: npt.NDArray[np.floating[Any]],
    served: Pops | None = None,
    fixed: npt.NDArray[np.floating[Any]] | None = None,
    soft: float = SOFT,
) -> Assignment:
    """Return who is granted what, at the least demand x (regret + move + overload).

    `cost_ms` and `pop` are (groups, k): what each candidate costs, and which POP it is; a number beyond
    `room` pads, the first candidate of a group must be a POP. `room` per POP in the unit of demand, infinite
    where it is not limited, 0 where nobody can be served. `served` per group: elsewhere costs `MOVE_MS`
    more; a number beyond `room` for nobody. `fixed` per POP: load that stays whatever is decided. `soft`: the
    share of a room from which `SOFT_MS` is paid.
    Raises `RuntimeError` when the solver fails, which no input explains.
    """
    pops = len(room)
    served = np.full(len(pop), pops, dtype=np.uint16) if served is None else served
    kept = np.zeros(pops) if fixed is None else fixed.astype(np.float64)
    cost = regret_ms(cost_ms, pop, served, pops)
    order, of_kind = _kinds(cost, pop)
    kind_cost, kind_pop = cost[order], pop[order]
    weight = _summed(demand.astype(np.float64), of_kind, len(order))
    share = _solved(kind_cost, kind_pop, weight, room.astype(np.float64), kept, soft)[of_kind]
    granted = share * demand[:, None]
    valid = pop < pops
    load = kept + _summed(granted[valid], pop[valid].astype(np.intp), pops)
    over = np.maximum(load - HARD * room, 0)
    return Assignment(granted, load, np.where(over > 1e-6 * np.maximum(load, 1e-300), over, 0.0))


def regret_ms(cost_ms: npt.NDArray[np.floating[Any]], pop: Pops, served: Pops, pops: int) -> Floats:
    """Return (groups, k): what each candidate costs more than the cheapest, and the move; padding is inf."""
    valid = pop < pops
    cost = np.where(valid, cost_ms, np.inf).astype(np.float64)
    cost = np.minimum(cost - cost.min(axis=1, keepdims=True), MOST_MS)
    moved = (served < pops)[:, None] & (pop != served[:, None])
    return np.where(valid, cost + MOVE_MS * moved, np.inf)


def _kinds(cost: Floats, pop: Pops) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return one group of each kind, in an order that is the kinds' own, and the kind of each group.

    Groups with the same candidates at the same cost are one to the solver: whoever stands first in the
    input has no advantage, and no order of it leads to another vertex.
    """
    columns = np.concatenate([pop.astype(np.float64), cost], axis=1)
    packed = np.ascontiguousarray(columns).view(np.dtype((np.void, 8 * columns.shape[1]))).ravel()
    _, first, of_kind = np.unique(packed, return_index=True, return_inverse=True)
    return first, of_kind.ravel()


def _solved(cost: Floats, pop: Pops, demand: Floats, room: Floats, fixed: Floats, soft: float) -> Floats:
    """Return (kinds, k): the share of each kind's demand that each candidate gets."""
    best = np.zeros_like(cost)
    best[np.arange(len(cost)), cost.argmin(axis=1)] = 1.0
    limited = np.isfinite(room)
    first = np.take_along_axis(pop, cost.argmin(axis=1)[:, None], axis=1)[:, 0]
    load = fixed + _summed(demand, first.astype(np.intp), len(room))
    rows = np.flatnonzero(demand > 0)
    if (load[limited] <= soft * room[limited]).all() or not len(rows):
        return best  # nobody gains by anything else
    scale = len(rows) / demand.sum()  # the solver's tolerances are absolute: a kind weighs about one
    best[rows] = _program(cost[rows], pop[rows], demand[rows] * scale, room * scale, fixed * scale, soft)
    return best


def _program(cost: Floats, pop: Pops, demand: Floats, room: Floats, fixed: Floats, soft: float) -> Floats:
    """Return (kinds, k) shares from the linear program; all demand is positive."""
    kind, candidate = np.nonzero(np.isfinite(cost))
    limits = np.flatnonzero(np.isfinite(room))
    row_of = np.full(len(room), -1)
    row_of[limits] = np.arange(len(limits))
    row = row_of[pop[kind, candidate]]
    edges = np.append([soft], [edge for edge, _ in STEPS])
    width = np.diff(np.append(edges, np.inf))[None, :] * np.maximum(room[limits], 1e-12)[:, None]
    price = np.append([SOFT_MS], [OVERLOAD_MS * times for _, times in STEPS])
    shares, steps = len(kind), width.size
    bound = np.flatnonzero(row >= 0)
    limit_rows = np.append(row[bound], np.repeat(np.arange(len(limits)), width.shape[1]))
    limit_columns = np.append(bound, shares + np.arange(steps))
    entries = np.append(np.ones(len(bound)), np.full(steps, -1.0))
    columns = shares + steps
    solution = linprog(
        np.append(cost[kind, candidate], np.tile(price, len(limits))),
        A_ub=csr_array((entries, (limit_rows, limit_columns)), shape=(len(limits), columns)),
        b_ub=soft * room[limits] - fixed[limits],
        A_eq=csr_array((np.ones(shares), (kind, np.arange(shares))), shape=(len(cost), columns)),
        b_eq=demand,
        bounds=np.stack([np.zeros(columns), np.append(np.full(shares, np.inf), width.ravel())], axis=1),
        method="highs-ds",
    )
    if solution.x is None:
        raise RuntimeError(f"the assignment was not solved: {solution.message}")
    share = np.zeros_like(cost)
    share[kind, candidate] = np.maximum(solution.x[:shares], 0) / demand[kind]
    share[share < 1e-9] = 0.0  # the solver's tolerance
    # A kind that weighs less than that tolerance may be left out: it has what is cheapest.
    left_out = np.flatnonzero(~share.any(axis=1))
    share[left_out, cost[left_out].argmin(axis=1)] = 1.0
    normal: Floats = share / share.sum(axis=1, keepdims=True)
    return normal


def _summed(values: Floats, into: npt.NDArray[np.integer[Any]], count: int) -> Floats:
    """Return the sums by `into`; in an order of the values' own, so that no other changes their last bit."""
    order = np.lexsort((values, into))
    sums: Floats = np.bincount(into[order], weights=values[order], minlength=count).astype(np.float64)
    return sums
