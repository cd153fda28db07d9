"""A place table cut down to some places and to the units of them that are simulated; all else is nobody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from collectors.network import UNIT_BITS
from collectors.places import WORLD, PlaceTable

Span = tuple[int, int]
"""First unit and end (exclusive)."""


def narrowed(places: PlaceTable, spans: Mapping[int, Sequence[Span]]) -> PlaceTable:
    """Return the table of the places that `spans` names (in ascending order), with those IPv4 units alone.

    A span lies in one run of its place, so that routing prefixes are cut where the run is. IPv6 is nobody's.
    """
    kept = np.array([WORLD, *sorted(spans)], np.intp)
    edges = sorted(
        (first, end, number) for number, old in enumerate(kept[1:], 1) for first, end in spans[old]
    )
    start, place = [0], [WORLD]
    for first, end, number in edges:
        if start[-1] == first:
            place[-1] = number
        else:
            start.append(first)
            place.append(number)
        if end < 1 << UNIT_BITS[4]:
            start.append(end)
            place.append(WORLD)
    _, cell = np.unique(places.cell[kept], return_inverse=True)
    units = np.array([sum(end - first for first, end in spans.get(old, ())) for old in kept.tolist()])
    return replace(
        places,
        country=places.country[kept],
        lat=places.lat[kept],
        lon=places.lon[kept],
        cell=cell.astype(np.uint32),
        asn=places.asn[kept],
        key=places.key[kept],
        weight=np.maximum(units, 1).astype(np.float32),
        v4_start=np.array(start, np.uint32),
        v4_place=np.array(place, np.uint32),
        v6_start=np.zeros(1, np.uint64),
        v6_place=np.zeros(1, np.uint32),
        digest=f"{places.digest}, {len(kept) - 1} places, {int(units.sum())} networks",
    )
