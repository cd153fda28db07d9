"""The rows a class decides: every place, plus what must differ from its place.

    rows = [ places | (place, subnet rule) variants | measured prefixes ]

A measured prefix is a client network or a routing prefix with enough evidence of its own; it takes its
rule from the row beneath it. `Segments` say which row every unit belongs to: the network's before its
routing prefix's, before the variant's, before the place's. A routing prefix yields where a subnet rule
holds: the rule may cover only a part of it.
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
UNIT_END: Final = {4: 1 << 24, 6: 1 << 48}

Units = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPrefixes:
    """Prefixes with evidence of their own, disjoint within one rung; `end` is exclusive, all in units.

    `rung` is `network` or `prefix` as an index into `collectors.ladder.RUNGS`; `key` its stable key;
    `routing` the key of the routing prefix that it is or lies in.
    """

    family: npt.NDArray[np.uint8]
    first: Units
    end: Units
    place: npt.NDArray[np.uint32]
    rung: npt.NDArray[np.uint8]
    key: npt.NDArray[np.uint64]
    routing: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.key)

    def take(self, chosen: npt.NDArray[np.bool_]) -> MeasuredPrefixes:
        """Return the chosen ones."""
        return MeasuredPrefixes(*(getattr(self, name)[chosen] for name in self.__slots__))


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
    """`place` and `rule` per row; `parent` the row that its clients belong to without it, -1 for places;
    `measured` the index into `MeasuredPrefixes` or -1.
    """

    place: npt.NDArray[np.uint32]
    rule: npt.NDArray[np.uint8]
    parent: npt.NDArray[np.intp]
    measured: npt.NDArray[np.int32]
    segments: dict[int, Segments]

    def __len__(self) -> int:
        return len(self.place)

    def find(self, networks: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
        """Return the row that each network (by `Network.key`) belongs to."""
        found = np.zeros(len(networks), dtype=np.intp)
        family, unit = networks >> np.uint64(60), networks & np.uint64((1 << 48) - 1)
        for version, segments in self.segments.items():
            here = np.flatnonzero(family == version)
            found[here] = segments.row[np.searchsorted(segments.start, unit[here], side="right") - 1]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """One family's address space, cut wherever anything changes: what holds in each piece.

    `rule` is the first subnet rule or `NO_RULE`; `routing` and `network` are indices into
    `MeasuredPrefixes`, -1 where there is none.
    """

    start: Units
    place: npt.NDArray[np.uint32]
    rule: npt.NDArray[np.uint8]
    routing: npt.NDArray[np.int32]
    network: npt.NDArray[np.int32]


def rows_of(
    steering: SteeringClass,
    places: PlaceTable,
    place_rule: npt.NDArray[np.uint8],
    prefixes: MeasuredPrefixes,
) -> Rows:
    """Return the rows of one class and the cut of both address spaces."""
    cuts = {f: _cut(_place_segments(places, f), steering.subnet_ranges(f), prefixes, f) for f in FAMILIES}
    variants: dict[tuple[int, int], int] = {}
    base = {f: _base_rows(cut, place_rule, variants) for f, cut in cuts.items()}
    of_variant = np.array(list(variants), dtype=np.uint32).reshape(-1, 2)
    unmeasured = len(place_rule) + len(variants)
    place = np.concatenate([np.arange(len(place_rule), dtype=np.uint32), of_variant[:, 0], prefixes.place])
    rule = np.concatenate([place_rule, of_variant[:, 1].astype(np.uint8), place_rule[prefixes.place]])
    parent = np.where(np.arange(len(place)) < len(place_rule), -1, place.astype(np.intp))
    segments: dict[int, Segments] = {}
    for family, cut in cuts.items():
        row = base[family]
        for own in (cut.routing, cut.network):
            here = np.flatnonzero(own >= 0)
            rule[unmeasured + own[here]] = rule[row[here]]
            parent[unmeasured + own[here]] = row[here]
            row[here] = unmeasured + own[here]
        segments[family] = Segments(cut.start, row)
    measured = np.append(np.full(unmeasured, -1, np.int32), np.arange(len(prefixes), dtype=np.int32))
    return Rows(place, rule, parent, measured, segments)


def _place_segments(places: PlaceTable, family: int) -> tuple[Units, npt.NDArray[np.uint32]]:
    if family == 4:
        return places.v4_start.astype(np.uint64), places.v4_place
    return places.v6_start, places.v6_place


def _cut(
    base: tuple[Units, npt.NDArray[np.uint32]],
    subnets: list[tuple[int, int, int]],
    prefixes: MeasuredPrefixes,
    family: int,
) -> _Cut:
    """Cut the runs at every subnet and measured prefix."""
    start, place = base
    here = np.flatnonzero(prefixes.family == family)
    ranges = np.array([(first, end) for first, end, _ in subnets], dtype=np.uint64).reshape(-1, 2)
    # A stable sort merges runs that are sorted already, as `start` is: far quicker than np.unique.
    cuts = np.concatenate([start, prefixes.first[here], prefixes.end[here], ranges.ravel()])
    cuts = np.sort(cuts, kind="stable")
    cuts = cuts[np.append(True, cuts[1:] != cuts[:-1]) & (cuts < UNIT_END[family])]
    rule = np.full(len(cuts), NO_RULE, dtype=np.uint8)
    edges = np.searchsorted(cuts, ranges)
    for (first, end), (_, _, r) in reversed(list(zip(edges, subnets, strict=True))):
        rule[first:end] = r
    routing, network = (
        _around(cuts, prefixes, here[prefixes.rung[here] == RUNGS.index(rung)])
        for rung in ("prefix", "network")
    )
    return _Cut(
        start=cuts,
        place=place[np.searchsorted(start, cuts, side="right") - 1],
        rule=rule,
        routing=np.where(rule == NO_RULE, routing, np.int32(-1)),
        network=network,
    )


def _around(cuts: Units, prefixes: MeasuredPrefixes, own: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
    """Return which of the disjoint prefixes `own` each piece lies in, -1 for none."""
    if not len(own):
        return np.full(len(cuts), -1, dtype=np.int32)
    own = own[np.argsort(prefixes.first[own])]
    at = np.searchsorted(prefixes.first[own], cuts, side="right") - 1
    inside = (at >= 0) & (cuts < prefixes.end[own[at]])
    return np.where(inside, own[at], -1).astype(np.int32)


def _base_rows(
    cut: _Cut, place_rule: npt.NDArray[np.uint8], variants: dict[tuple[int, int], int]
) -> npt.NDArray[np.uint32]:
    """Return each piece's row if nothing were measured.

    It is the place's, or where a subnet rule stands before the place's rule a row of that pair's own.
    """
    row = cut.place.astype(np.uint32)
    for i in np.flatnonzero(cut.rule < place_rule[cut.place]):
        pair = (int(cut.place[i]), int(cut.rule[i]))
        row[i] = len(place_rule) + variants.setdefault(pair, len(variants))
    return row
