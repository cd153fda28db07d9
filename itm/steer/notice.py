"""Recent measurements against what is believed: `Slowdowns` out. Pure.

A network has one vote per POP: the median of what it measured lately, less what the windows believe of it. A
group of `MIN_VOTERS` networks is slower when the median of its votes is beyond `LEAST_MS` and `LEAST_SHARE`
for certain: by its order statistics, so nearly all of few and more than half of many must say so, and a tenth
of liars says nothing (David, Nagaraja: Order Statistics, 2003, section 7.1).

Of a provider or a place the newest `NEWEST` votes count, so that how soon they agree does not depend on how
many people they have. Of wider groups all votes count: whoever spoke last must not speak for the world. What
a continent finds of several POPs of another, and of none of them otherwise, holds for the rest of them, which
too few have measured: no cable leads to one POP alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import Aggregates
from collectors.ladder import RUNGS
from collectors.places import code_of
from itm.steer.estimate import MIN_DISTINCT_WIDE
from itm.steer.evidence import Evidence
from itm.steer.resolvers import estimate_clients
from itm.steer.slowdowns import Floats, Keys, Slowdowns, Slower, group_keys
from itm.steer.world import World

RECENT_SECONDS: Final = 900.0
WIDE_SECONDS: Final = 300.0
"""What is older is no news; for groups wider than a provider."""

RECENT_HALF_LIFE_SECONDS: Final = 300.0
"""Of the windows with recent measurements: what a network measures after a fault soon outweighs the rest."""

NEWEST: Final = 16
"""Votes of a provider or a place that count, the newest ones."""

MIN_VOTERS: Final = MIN_DISTINCT_WIDE
"""Networks of a group that must have measured the very POP lately."""

HOLD_SECONDS: Final = 1800.0
"""A slowdown stays for so long after it was found last: who left the POP measures it seldom."""

LEAST_MS: Final = 10.0
LEAST_SHARE: Final = 0.15
"""How much slower a POP must be, of what is believed: the gain for which one is left."""

DOUBT: Final = 1.645
"""Standard deviations of a fair coin's heads that the median's lower bound is off: a chance of 5 %."""

_NETWORK: Final = RUNGS.index("network")


@dataclass(frozen=True, slots=True, eq=False)
class _Votes:
    """One row per network and POP: what was measured lately and is believed (ms), how old that is."""

    place: Keys
    pop: npt.NDArray[np.intp]
    measured: Floats
    believed: Floats
    age_seconds: Floats

    def take(self, rows: npt.NDArray[np.bool_]) -> _Votes:
        return _Votes(*(getattr(self, name)[rows] for name in self.__slots__))


def notice(
    world: World,
    evidence: Evidence,
    recent: Aggregates,
    before: Slowdowns | None = None,
    full: Collection[str] = (),
) -> Slowdowns:
    """Return what `recent` measurements (of networks) say against `evidence`, which knows of no slowdown.

    What was found `before` (of the same POPs) stays for `HOLD_SECONDS` after it was found last. POPs that are
    `full` are slow for that reason: who leaves them is the assignment's business, and two loops that both
    push would swing.
    """
    found = _found(world, evidence, recent)
    pops, since = len(world.pops), recent.made_at - HOLD_SECONDS
    for kind, held in (before or Slowdowns.nothing()).groups.items():
        found[kind] = found.get(kind, Slower.nothing(pops)).held(held, since)
    is_full = np.isin(np.array(world.pops), list(full))
    found = {kind: one.but_of(is_full) for kind, one in found.items()}
    is_slower = any((np.nan_to_num(one.ms) > 0).any() for one in found.values())
    return Slowdowns(found) if is_slower else Slowdowns.nothing()


def _found(world: World, evidence: Evidence, recent: Aggregates) -> dict[str, Slower]:
    """Return by kind of group what recent measurements say; kinds that know nothing are left out."""
    votes = _votes(world, evidence, recent)
    if len(votes.pop) < MIN_VOTERS:
        return {}
    pops = len(world.pops)
    wide = votes.take(votes.age_seconds <= WIDE_SECONDS)
    by_continent = _slower(_continent_of(world.continents, wide.place), wide, pops)
    by_continent = _with_regions(by_continent, _regions(world))
    by_country = _slower(group_keys(wide.place, "country"), wide, pops)
    found = {
        "world": _slower(group_keys(wide.place, "world"), wide, pops),
        "country": _with_continents(world.continents, by_country, by_continent),
        "as": _slower(group_keys(votes.place, "as"), votes, pops, NEWEST),
        "place": _slower(votes.place, votes, pops, NEWEST),
    }
    return {
        kind: replace(one, found_at=np.full(one.ms.shape, recent.made_at))
        for kind, one in found.items()
        if len(one.key)
    }


def _votes(world: World, evidence: Evidence, recent: Aggregates) -> _Votes:
    own = recent.select(_NETWORK)
    names = np.array([pop.encode() for pop in world.pops], own.pop.dtype)
    order = np.argsort(names)
    at = np.minimum(np.searchsorted(names[order], own.pop), len(names) - 1)
    column = order[at]
    fresh = (names[column] == own.pop) & (own.n > 0) & (own.age_seconds <= RECENT_SECONDS)
    network, row = np.unique(own.key[fresh], return_inverse=True)
    believed = estimate_clients(world, evidence, network).rtt[row, column[fresh]]
    place = _place_keys(world, network)[row]
    return _Votes(place, column[fresh], own.p50[fresh], believed, own.age_seconds[fresh])


def _slower(group: Keys, votes: _Votes, pops: int, newest: int = 0) -> Slower:
    """Return by how much each group finds each POP slower; 0 where it knows that it is not.

    Of each group and POP the `newest` votes, or all.
    """
    order = np.lexsort((votes.age_seconds, votes.pop, group))
    group, pop = group[order], votes.pop[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (group[1:] != group[:-1]) | (pop[1:] != pop[:-1])
    cell = np.cumsum(is_first) - 1
    if newest and len(order):
        turn = np.arange(len(order)) - np.flatnonzero(is_first)[cell]
        kept = turn < newest
        order, cell, group, pop = order[kept], cell[kept], group[kept], pop[kept]
    excess, believed = (votes.measured - votes.believed)[order], votes.believed[order]
    start = np.flatnonzero(np.diff(cell, prepend=-1))
    voters = np.diff(np.append(start, len(cell)))
    ranked = excess[np.lexsort((excess, cell))]
    lower = np.maximum(np.floor((voters - DOUBT * np.sqrt(voters)) / 2), 0).astype(np.intp)
    usual = np.bincount(cell, believed, len(start)) / np.maximum(voters, 1)
    is_slower = ranked[start + lower] > np.maximum(LEAST_MS, LEAST_SHARE * usual)
    known = voters >= MIN_VOTERS
    key, row = np.unique(group[start][known], return_inverse=True)
    ms, least = (np.full((len(key), pops), np.nan, np.float32) for _ in range(2))
    count = np.zeros((len(key), pops), np.int32)
    at = row, pop[start][known]
    ms[at] = np.where(is_slower, ranked[start + voters // 2], 0)[known]
    least[at] = np.where(is_slower, ranked[start + lower], 0)[known]
    count[at] = voters[known]
    return Slower(key, ms, least, count, np.zeros(ms.shape))


def _regions(world: World) -> npt.NDArray[np.intp]:
    """Return the number of each POP's continent."""
    continents = [world.continents.get(pop.country, "") for pop in world.catalog.pops]
    return np.unique(continents, return_inverse=True)[1].astype(np.intp)


def _with_regions(own: Slower, region: npt.NDArray[np.intp]) -> Slower:
    """Return the table filled, where a POP is not known, with the least of its region's.

    If at least two of them are known, and all that are known are slower.
    """
    ms, least = own.ms.copy(), own.least_ms.copy()
    for number in np.unique(region):
        of = own.ms[:, region == number]
        known = ~np.isnan(of)
        is_cut = ((of > 0).sum(axis=1) >= 2) & (~known | (of > 0)).all(axis=1)
        for pop in np.flatnonzero(region == number):
            unknown = is_cut & np.isnan(own.ms[:, pop])
            for table in (ms, least):
                table[unknown, pop] = np.nanmin(table[unknown][:, region == number], axis=1)
    return replace(own, ms=ms, least_ms=least)


def _with_continents(continents: Mapping[str, str], own: Slower, wider: Slower) -> Slower:
    """Return the countries' own, and where they do not know that of their continent."""
    codes = {code_of(country): code_of(of) for country, of in continents.items() if of}
    row = {key: at for at, key in enumerate(wider.key.tolist())}
    key = np.array(sorted(code for code, of in codes.items() if of in row), np.uint64)
    at = np.array([row[codes[code]] for code in key.tolist()], np.intp)
    columns = (getattr(wider, name)[at] for name in Slower.__slots__[1:])
    return own.or_else(Slower(key, *columns), key)


def _continent_of(continents: Mapping[str, str], place: Keys) -> Keys:
    country, which = np.unique(group_keys(place, "country"), return_inverse=True)
    codes = {code_of(one): code_of(of) for one, of in continents.items()}
    return np.array([codes.get(code, 0) for code in country.tolist()], np.uint64)[which]


def _place_keys(world: World, network: Keys) -> Keys:
    family, unit = (network >> np.uint64(60)).astype(np.uint8), network & np.uint64((1 << 48) - 1)
    keys: Keys = world.places.key[world.places.places_of_each(family, unit)]
    return keys
