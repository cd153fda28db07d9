"""The rows a class decides: every place, plus what must differ from its place.

    rows = [ places | (place, subnet rule) variants | measured prefixes ]

A measured prefix is a client network or a routing prefix with enough evidence of its own; it carries
its place and, where one covers it, its subnet rule. `Segments` say which row every unit belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.ladder import RUNGS
from collectors.places import PlaceTable
from itm.steer.classes import SteeringClass

FAMILIES: Final = (4, 6)
NO_RULE: Final = 255
NETWORK_RUNG: Final = RUNGS.index("network")
UNIT_END: Final = {4: 1 << 24, 6: 1 << 48}

Units = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPrefixes:
    """Prefixes with evidence of their own, disjoint within one rung; `end` is exclusive, all in units.

    `rung` is `network` or `prefix` as an index into `collectors.ladder.RUNGS`; `key` its stable key.
    """

    family: npt.NDArray[np.uint8]
    first: Units
    end: Units
    place: npt.NDArray[np.uint32]
    rung: npt.NDArray[np.uint8]
    key: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """The address space of one family cut where the row changes: `start[0]` is 0."""

    start: Units
    row: npt.NDArray[np.uint32]

    def units(self, family: int) -> Units:
        """Return how many units each segment spans."""
        end = np.append(self.start[1:], np.uint64(UNIT_END[family]))
        return end - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """`place` and `rule` per row; `measured` is the index into `MeasuredPrefixes` or -1."""

    place: npt.NDArray[np.uint32]
    rule: npt.NDArray[np.uint8]
    measured: npt.NDArray[np.int32]
    segments: dict[int, Segments]

    def __len__(self) -> int:
        return len(self.place)


def rows_of(
    steering: SteeringClass,
    places: PlaceTable,
    place_rule: npt.NDArray[np.uint8],
    prefixes: MeasuredPrefixes,
) -> Rows:
    """Return the rows of one class and the cut of both address spaces."""
    base = {f: _place_segments(places, f) for f in FAMILIES}
    cut = {f: _cut(base[f], steering.subnet_ranges(f), prefixes, f) for f in FAMILIES}
    variants: dict[tuple[int, int], int] = {}
    row_place = [np.arange(len(places.asn), dtype=np.uint32)]
    row_rule = [place_rule]
    segments: dict[int, Segments] = {}
    for family, (start, place, subnet_rule, measured) in cut.items():
        row = place.astype(np.uint32)
        row = _variant_rows(row, place, subnet_rule, place_rule, variants)
        segments[family] = Segments(start, np.where(measured >= 0, np.uint32(0), row).astype(np.uint32))
    if variants:
        row_place.append(np.array([p for p, _ in variants], dtype=np.uint32))
        row_rule.append(np.array([r for _, r in variants], dtype=np.uint8))
    offset = sum(map(len, row_place))
    rules_of_measured = place_rule[prefixes.place] if len(prefixes) else np.zeros(0, dtype=np.uint8)
    for family, (start, _, subnet_rule, measured) in cut.items():
        is_own = measured >= 0
        rules_of_measured[measured[is_own]] = np.minimum(
            rules_of_measured[measured[is_own]], subnet_rule[is_own]
        )
        row = np.where(is_own, measured + offset, segments[family].row).astype(np.uint32)
        segments[family] = Segments(start, row)
    count = len(prefixes)
    return Rows(
        place=np.concatenate([*row_place, prefixes.place]),
        rule=np.concatenate([*row_rule, rules_of_measured]),
        measured=np.concatenate([np.full(offset, -1, np.int32), np.arange(count, dtype=np.int32)]),
        segments=segments,
    )


def _place_segments(places: PlaceTable, family: int) -> tuple[Units, npt.NDArray[np.uint32]]:
    if family == 4:
        return places.v4_start.astype(np.uint64), places.v4_place
    return places.v6_start, places.v6_place


def _cut(
    base: tuple[Units, npt.NDArray[np.uint32]],
    subnets: list[tuple[int, int, int]],
    prefixes: MeasuredPrefixes,
    family: int,
) -> tuple[Units, npt.NDArray[np.uint32], npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Cut the runs at every subnet and measured prefix: (start, place, subnet rule, measured index)."""
    start, place = base
    here = np.flatnonzero(prefixes.family == family)
    edges = [start, prefixes.first[here], prefixes.end[here]]
    edges.append(np.array([u for first, end, _ in subnets for u in (first, end)], dtype=np.uint64))
    # A stable sort merges runs that are sorted already, as `start` is: far quicker than np.unique.
    cuts = np.sort(np.concatenate(edges), kind="stable")
    cuts = cuts[np.append(True, cuts[1:] != cuts[:-1]) & (cuts < UNIT_END[family])]
    place_here = place[np.searchsorted(start, cuts, side="right") - 1]
    rule = np.full(len(cuts), NO_RULE, dtype=np.uint8)
    for first, end, r in reversed(subnets):
        rule[np.searchsorted(cuts, first) : np.searchsorted(cuts, end)] = r
    measured = np.full(len(cuts), -1, dtype=np.int32)
    # Shorter prefixes first, so that a network's own row covers its routing prefix's. A routing prefix
    # yields where a subnet rule holds: the rule may cover only a part of it.
    for rung in np.unique(prefixes.rung[here])[::-1]:
        own = here[prefixes.rung[here] == rung]
        own = own[np.argsort(prefixes.first[own])]
        at = np.searchsorted(prefixes.first[own], cuts, side="right") - 1
        inside = (at >= 0) & (cuts < prefixes.end[own[np.maximum(at, 0)]])
        inside &= (rule == NO_RULE) | (rung == NETWORK_RUNG)
        measured[inside] = own[at[inside]]
    return cuts, place_here, rule, measured


def _variant_rows(
    row: npt.NDArray[np.uint32],
    place: npt.NDArray[np.uint32],
    subnet_rule: npt.NDArray[np.uint8],
    place_rule: npt.NDArray[np.uint8],
    variants: dict[tuple[int, int], int],
) -> npt.NDArray[np.uint32]:
    """Give every (place, earlier subnet rule) pair a row of its own; both conditions compete by order."""
    out = row.copy()
    for i in np.flatnonzero(subnet_rule < place_rule[place]):
        pair = (int(place[i]), int(subnet_rule[i]))
        out[i] = len(place_rule) + variants.setdefault(pair, len(variants))
    return out
