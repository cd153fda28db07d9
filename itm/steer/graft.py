"""Two maps over the same POPs made one: inside a slice the changed one decides, outside the live one.

Only decisions are grafted. Names, TTLs, values and zones stay the live map's until the change is live.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from collectors.network import UNIT_BITS
from collectors.places import PlaceTable
from itm.routemap.routemap import ClassMap, RouteMap
from itm.routemap.table import PrefixTable, UnitTable, merge
from itm.steer.leaves import unique_rows

Inside = npt.NDArray[np.bool_]


def graft(live: RouteMap, changed: RouteMap, inside: Inside, places: PlaceTable) -> RouteMap:
    """Return the live map with the changed one's decisions for the places that are `inside`.

    Both have the same POPs in the same order. A service that the changed map does not steer keeps the live
    map's decision everywhere.
    """
    theirs = {s.name: s.class_index for s in changed.services}
    pairs: dict[tuple[int, int], int] = {}
    services = []
    for service in live.services:
        index = service.class_index
        if index >= 0:
            index = pairs.setdefault((index, theirs.get(service.name, -1)), len(pairs))
        services.append(replace(service, class_index=index))
    classes = tuple(
        live.classes[own]
        if other < 0
        else _grafted(live.classes[own], changed.classes[other], inside, places)
        for own, other in pairs
    )
    return replace(live, services=tuple(services), classes=classes)


def _grafted(own: ClassMap, other: ClassMap, inside: Inside, places: PlaceTable) -> ClassMap:
    """Put two class maps together; a leaf that both have is one, and a border between the two none."""
    width, tails = own.leaves.shape[1], dict[bytes, int]()
    lists = np.concatenate([_lists(one, tails) for one in (own, other)])
    behind = np.uint32(len(own.leaves))
    v4, v6 = (_cut(a, b, behind, inside, places) for a, b in ((own.v4, other.v4), (own.v6, other.v6)))
    known = ((own.resolvers4, other.resolvers4), (own.resolvers6, other.resolvers6))
    r4, r6 = (_chosen(a, b, behind, inside, places) for a, b in known)
    used, at = np.unique(np.concatenate([v4.leaf, v6.leaf, r4.leaf, r6.leaf]), return_inverse=True)
    distinct, _, number = unique_rows(lists[used])
    ends = np.cumsum([len(v4.leaf), len(v6.leaf), len(r4.leaf)])
    of4, of6, of_r4, of_r6 = np.split(number.astype("<u4")[at], ends)
    shares = np.ascontiguousarray(distinct[:, width + 1 : -1].astype(np.uint8))
    ttl = distinct[:, -1].astype(np.uint8)
    return ClassMap(
        leaves=np.ascontiguousarray(distinct[:, :width]),
        leaf_tail=np.ascontiguousarray(distinct[:, width]),
        tails=tuple(np.frombuffer(tail, dtype=np.uint16) for tail in tails),
        v4=merge(24, v4.start, of4),
        v6=merge(48, v6.start, of6),
        resolvers4=replace(r4, leaf=of_r4),
        resolvers6=replace(r6, leaf=of_r6),
        shares=shares if shares.any() else shares[:0],
        ttl=ttl if ttl.any() else ttl[:0],
    )


def _lists(one: ClassMap, tails: dict[bytes, int]) -> npt.NDArray[np.uint16]:
    """Return all that makes leaves different, one row each: ranks, tail, shares, TTL."""
    renamed = [tails.setdefault(tail.astype(np.uint16).tobytes(), len(tails)) for tail in one.tails]
    tail = np.array(renamed, dtype=np.uint16)[one.leaf_tail]
    shares = one.shares if len(one.shares) else np.zeros_like(one.leaves)
    ttl = one.ttl if len(one.ttl) else np.zeros_like(tail)
    return np.column_stack([one.leaves, tail, shares, ttl]).astype(np.uint16)


def _cut(
    own: PrefixTable, other: PrefixTable, behind: np.uint32, inside: Inside, places: PlaceTable
) -> PrefixTable:
    """Cut a family where either table or the slice changes; the leaves of `other` are numbered `behind`."""
    family = 4 if own.bits == UNIT_BITS[4] else 6
    start = places.v4_start if family == 4 else places.v6_start
    cuts = np.concatenate([one.astype(np.uint64) for one in (own.start, other.start, start)])
    cuts = np.sort(cuts, kind="stable")
    cuts = cuts[np.append(True, cuts[1:] != cuts[:-1])]
    is_in = inside[places.places_of(family, cuts)]
    return merge(own.bits, cuts, np.where(is_in, other.leaves_of(cuts) + behind, own.leaves_of(cuts)))


def _chosen(
    own: UnitTable, other: UnitTable, behind: np.uint32, inside: Inside, places: PlaceTable
) -> UnitTable:
    """Return the resolvers of `own` outside the slice and those of `other` inside."""
    family = 4 if own.bits == UNIT_BITS[4] else 6
    here = ~inside[places.places_of(family, own.unit)]
    there = inside[places.places_of(family, other.unit)]
    unit = np.append(own.unit[here], other.unit[there])
    order = np.argsort(unit, kind="stable")
    leaf = np.append(own.leaf[here], other.leaf[there] + behind)
    return UnitTable(own.bits, unit[order], leaf[order].astype("<u4"))
