"""Health applied to a ranked list: the first candidate of the best state present is served.

States fold as up < degraded < drained < down. When every candidate is down the first one is served
as if all were up (fail open), and said so. Where a list has shares, the candidates of the best state present
are served by theirs; where none of those has one, the first gets everything. The TTL is the least while any
POP that a list would serve in health is not up. Of the POP served, the addresses that are up are answered.
Pure: no file, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from itm.routemap.health import State
from itm.routemap.routemap import NO_POP, ClassMap, PopAnswer


@dataclass(frozen=True, slots=True, eq=False)
class Lots:
    """The leaves that are answered by lot at present, (W,), and the share of each rank, (W, K), 0..1."""

    leaf: npt.NDArray[np.intp]
    share: npt.NDArray[np.float64]


def serve(order: Sequence[int], states: Sequence[int], shares: Sequence[int] = ()) -> tuple[int, bool]:
    """Return (POP index, fail_open) for a ranked list; `states[pop]` is the `State` of each POP.

    With `shares` of its first ranks it is the POP that most are sent to. An empty list gives (`NO_POP`,
    False): the service's last-resort values apply.
    """
    if not order:
        return NO_POP, False
    best = min(order, key=lambda pop: states[pop])  # the first of equals: rank decides
    portions = portions_of(order, states, shares)
    return max(portions, key=lambda pop: portions[pop], default=best), states[best] == State.DOWN


def portions_of(order: Sequence[int], states: Sequence[int], shares: Sequence[int]) -> dict[int, float]:
    """Return what share of the answers each POP gets, in the list's order; empty: one gets everything."""
    best = min((states[pop] for pop in order), default=State.DOWN)
    alike = {pop: share for pop, share in zip(order, shares, strict=False) if share and states[pop] == best}
    whole = sum(alike.values())
    return {pop: share / whole for pop, share in alike.items()}


def choices(one: ClassMap, states: Sequence[int]) -> npt.NDArray[np.uint16]:
    """Return the POP served by each leaf, shape (L,), `NO_POP` where there is none; of several that with the
    largest share.

    The same rule as `serve` on every leaf at once: own ranks first, the common tail only where it
    holds a strictly better state.
    """
    served = _first(one, states)
    leaf, share = _shared(one, states, served)
    heaviest = share.argmax(axis=1) if share.size else np.zeros(len(leaf), dtype=np.intp)
    served[leaf] = one.leaves[leaf, heaviest]
    return served


def lots(one: ClassMap, states: Sequence[int]) -> Lots:
    """Return the leaves that several POPs serve under these states, and in which shares."""
    leaf, share = _shared(one, states, _first(one, states))
    several = (share > 0).sum(axis=1) > 1
    whole = share[several].sum(axis=1, keepdims=True)
    return Lots(leaf[several], share[several] / whole)


def is_calm(order: Sequence[int], states: Sequence[int], shares: Sequence[int] = ()) -> bool:
    """Say whether all POPs that a list serves in health are up: only then its TTL may be above the least."""
    sharing = [pop for pop, share in zip(order, shares, strict=False) if share] or order[:1]
    return bool(sharing) and all(states[pop] == State.UP for pop in sharing)


def ttls(one: ClassMap, states: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return the class of TTL that each leaf is answered with under these states, shape (L,)."""
    if not len(one.ttl):
        return np.zeros(len(one.leaves), dtype=np.uint8)
    tail_first = np.array([[*tail[:1].tolist(), NO_POP][0] for tail in one.tails], dtype=np.uint16)
    own = np.append(one.leaves, tail_first[one.leaf_tail][:, None], axis=1)
    is_up = _by_pop(states)[own] == State.UP
    first = (own != NO_POP).argmax(axis=1)
    calm = is_up[np.arange(len(own)), first]
    if len(one.shares):
        is_well = is_up[:, :-1] | (one.shares == 0)
        calm = np.where(one.shares.any(axis=1), is_well.all(axis=1), calm)
    found: npt.NDArray[np.uint8] = np.where(calm, one.ttl, np.uint8(0))
    return found


def _shared(
    one: ClassMap, states: Sequence[int], first: npt.NDArray[np.uint16]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint8]]:
    """Return the leaves of which a POP of the best state present has a share, and those shares."""
    if not len(one.shares):
        return np.zeros(0, dtype=np.intp), one.shares
    by_pop = _by_pop(states)
    leaf = np.flatnonzero(one.shares.any(axis=1))
    is_best = by_pop[one.leaves[leaf]] == by_pop[first[leaf]][:, None]
    share = np.where(is_best, one.shares[leaf], np.uint8(0))
    has_any = share.any(axis=1)
    return leaf[has_any], share[has_any]


def _by_pop(states: Sequence[int]) -> npt.NDArray[np.uint8]:
    padding = int(State.DOWN) + 1  # worse than any state
    by_pop = np.full(NO_POP + 1, padding, dtype=np.uint8)
    by_pop[: len(states)] = states
    return by_pop


def _first(one: ClassMap, states: Sequence[int]) -> npt.NDArray[np.uint16]:
    """Return the first POP of the best state present of each leaf."""
    by_pop = _by_pop(states)
    tail_pop = np.array([serve(tail.tolist(), states)[0] for tail in one.tails], dtype=np.uint16)
    pop: npt.NDArray[np.uint16] = tail_pop[one.leaf_tail]
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
