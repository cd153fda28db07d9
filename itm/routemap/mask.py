"""Health applied to a ranked list: the first candidate of the best state present is served.

States fold as up < degraded < drained < down. When every candidate is down the first one is served
as if all were up (fail open), and said so. Of the POP served, the addresses that are up are answered.
Pure: no file, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from itm.routemap.health import State
from itm.routemap.routemap import NO_POP, ClassMap, PopAnswer


def serve(order: Sequence[int], states: Sequence[int]) -> tuple[int, bool]:
    """Return (POP index, fail_open) for a ranked list; `states[pop]` is the `State` of each POP.

    An empty list gives (`NO_POP`, False): the service's last-resort values apply.
    """
    if not order:
        return NO_POP, False
    best = min(order, key=lambda pop: states[pop])  # the first of equals: rank decides
    return best, states[best] == State.DOWN


def choices(one: ClassMap, states: Sequence[int]) -> npt.NDArray[np.uint16]:
    """Return the POP served by each leaf, shape (L,), `NO_POP` where there is none.

    The same rule as `serve` on every leaf at once: own ranks first, the common tail only where it
    holds a strictly better state.
    """
    padding = int(State.DOWN) + 1  # worse than any state
    by_pop = np.full(NO_POP + 1, padding, dtype=np.uint8)
    by_pop[: len(states)] = states
    tail_pop = np.array([serve(tail.tolist(), states)[0] for tail in one.tails], dtype=np.uint16)
    pop = tail_pop[one.leaf_tail]
    if one.leaves.shape[1] == 0:
        return pop
    state = by_pop[one.leaves]
    rank = state.argmin(axis=1)
    own = np.take_along_axis(one.leaves, rank[:, None], axis=1)[:, 0]
    own_is_no_worse = by_pop[own] <= by_pop[pop]
    served: npt.NDArray[np.uint16] = np.where(own_is_no_worse, own, pop)
    return served


def reachable(pop: PopAnswer, down: Collection[str]) -> PopAnswer:
    """Return the POP with the addresses that are up; with all of them when none is (fail open).

    One family may be left empty: a client of both goes by the other, and none is sent into the void.
    """
    ipv4, ipv6 = (tuple(a for a in family if a not in down) for family in (pop.ipv4, pop.ipv6))
    return replace(pop, ipv4=ipv4, ipv6=ipv6) if ipv4 or ipv6 else pop
