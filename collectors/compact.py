"""From database rows to places: overlay City and AS ranges, fold them into units, number the places.

Takes `Ranges` (what `geoip.py` read from the databases), gives a `PlaceTable`. Opens no file and knows no
schema; all work is on arrays, so that 15 million networks take seconds.

An address is counted in *atoms*: single addresses for IPv4, /64s for IPv6 (finer IPv6 networks are one
atom). A unit whose atoms lie in several places goes to the one that has most of them; atoms the City
database does not know have no say while others have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.network import UNIT_BITS
from collectors.places import OFFSETS, PlaceTable, assemble, code_of, keys_of, square_of

ATOM_BITS: Final = {4: 32, 6: 64}
"""Prefix length of an atom, by family."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """Who holds which atoms: from `start[i]` up to the next start it is row `row[i]`; row 0 is nobody."""

    start: npt.NDArray[np.uint64]
    row: npt.NDArray[np.uint32]

    @classmethod
    def of(
        cls,
        family: int,
        first: npt.NDArray[np.uint64],
        length: npt.NDArray[np.integer],
        row: npt.NDArray[np.uint32],
    ) -> Ranges:
        """Return the ranges of disjoint ascending prefixes, given by first atom and prefix length."""
        bits = ATOM_BITS[family]
        seen = np.append(True, first[1:] != first[:-1])[
            : len(first)
        ]  # networks inside one atom: the first stands for it
        first, row = first[seen], row[seen]
        shift = bits - np.minimum(length[seen].astype(np.int64), bits)
        end = first + (np.uint64(1) << np.minimum(shift, 63).astype(np.uint64))
        gaps = _within(family, end[end != np.append(first[1:], np.uint64(0))])
        start = np.concatenate([np.zeros(1, np.uint64), first, gaps])
        rows = np.concatenate([np.zeros(1, np.uint32), row, np.zeros(len(gaps), np.uint32)])
        # a network at atom 0 stands after the leading gap and replaces it
        order = np.argsort(start, kind="stable")
        start, rows = start[order], rows[order]
        last = np.append(start[1:] != start[:-1], True)
        return cls(start[last], rows[last])

    def at(self, atoms: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
        """Return the row of each atom."""
        return self.row[self.start.searchsorted(atoms, "right") - 1]


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """The distinct rows of a City database; row 0 is unknown ("", NaN, NaN)."""

    country: tuple[str, ...]
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]

    def cell_keys(self) -> npt.NDArray[np.uint64]:
        """Return the key of each row's (country, square)."""
        codes = np.array([code_of(country) for country in self.country], np.uint64)
        return keys_of(codes, square_of(self.lat, self.lon), np.zeros(1, np.uint32)) >> np.uint64(32)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """One family cut at every border of either database and of every divided unit.

    `first` atom, `size` in atoms, City row, AS number and place key of each piece, in address order.
    """

    family: int
    first: npt.NDArray[np.uint64]
    size: npt.NDArray[np.uint64]
    city: npt.NDArray[np.uint32]
    asn: npt.NDArray[np.uint32]
    key: npt.NDArray[np.uint64]


def overlay(
    family: int,
    city: Ranges,
    cell_keys: npt.NDArray[np.uint64],
    asn: Ranges,
    asns: npt.NDArray[np.uint32],
) -> Pieces:
    """Cut the address space of one family into pieces of one City row and one AS.

    `cell_keys` has the cell of each City row, `asns` the number of each AS row.
    """
    mask = np.uint64((1 << ATOM_BITS[family] - UNIT_BITS[family]) - 1)
    borders = _merge(city.start, asn.start)
    inside = borders[borders & mask != 0]
    ends = _within(family, (inside | mask) + np.uint64(1))
    first = _merge(borders, inside & ~mask, ends)
    size = np.append(first[1:], np.uint64(1 << ATOM_BITS[family] & (1 << 64) - 1)) - first
    rows = city.at(first)
    numbers = asns[asn.at(first)]
    return Pieces(family, first, size, rows, numbers, cell_keys[rows] << np.uint64(32) | numbers)


def _merge(*ascending: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the distinct numbers of ascending arrays, ascending: far faster on such than `np.unique`."""
    merged = np.sort(np.concatenate(ascending), kind="stable")
    distinct: npt.NDArray[np.uint64] = merged[np.append(True, merged[1:] != merged[:-1])]
    return distinct


def fold(pieces: Pieces) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return the runs of one family: first unit and place key of each, from unit 0, neighbours distinct."""
    shift = np.uint64(ATOM_BITS[pieces.family] - UNIT_BITS[pieces.family])
    mask = (np.uint64(1) << shift) - np.uint64(1)
    unit = pieces.first >> shift
    divided = np.append(pieces.first[1:] & mask != 0, False) | (pieces.first & mask != 0)
    won_unit, won_key = _vote(unit[divided], pieces.key[divided], pieces.size[divided])
    start = np.concatenate([unit[~divided], won_unit])
    key = np.concatenate([pieces.key[~divided], won_key])
    order = np.argsort(start, kind="stable")
    start, key = start[order], key[order]
    new = np.append(True, key[1:] != key[:-1])
    return start[new], key[new]


def _vote(
    unit: npt.NDArray[np.uint64], key: npt.NDArray[np.uint64], size: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return each unit once with the key that has most atoms; a cell beats an AS alone, that beats none."""
    if not len(unit):
        return unit, key
    order = np.lexsort((key, unit))
    unit, key, size = unit[order], key[order], size[order]
    new = np.append(True, (unit[1:] != unit[:-1]) | (key[1:] != key[:-1]))
    unit, key, size = unit[new], key[new], np.add.reduceat(size, np.flatnonzero(new))
    order = np.lexsort((key, ~size, key == 0, key >> np.uint64(32) == 0, unit))  # a tie: the smaller key
    unit, key = unit[order], key[order]
    new = np.append(True, unit[1:] != unit[:-1])
    return unit[new], key[new]


def _within(family: int, atoms: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return those borders that are not the end of the address space (2^32; 2^64 has wrapped to 0)."""
    kept: npt.NDArray[np.uint64] = atoms[(atoms != 0) & (atoms <= np.uint64((1 << ATOM_BITS[family]) - 1))]
    return kept


def build(located: Located, v4: Pieces, v6: Pieces, edition: str, credit: str) -> PlaceTable:
    """Number the places of both families and return their table."""
    v4_start, v4_key = fold(v4)
    v6_start, v6_key = fold(v6)
    key = np.unique(np.concatenate([np.zeros(1, np.uint64), v4_key, v6_key]))
    cell_key = np.unique(key >> np.uint64(32))
    return assemble(
        key,
        _offsets(cell_key, located, v4, v6),
        (v4_start, key.searchsorted(v4_key)),
        (v6_start, key.searchsorted(v6_key)),
        edition,
        credit,
    )


def _offsets(
    cell_key: npt.NDArray[np.uint64], located: Located, v4: Pieces, v6: Pieces
) -> npt.NDArray[np.uint8]:
    """Return the mean position of each cell as offsets in its square, shape (n, 2), in 1/256 degree.

    Announced IPv4 addresses weigh most, since clients sit there; the rest weighs so little that it
    speaks only where there are none: other IPv4 addresses, then IPv6 networks.
    """
    rows = len(located.country)
    announced = np.bincount(v4.city, v4.size * (v4.asn != 0), rows)
    weight = announced + 1e-9 * np.bincount(v4.city, v4.size, rows) + 1e-12 * np.bincount(v6.city, None, rows)
    row_cell = located.cell_keys()
    cell = np.minimum(cell_key.searchsorted(row_cell), len(cell_key) - 1)
    # a cell that lost every unit to its neighbours in the vote is in no place
    used = (cell_key[cell] == row_cell) & np.isfinite(located.lat) & (weight > 0)
    total = np.maximum(np.bincount(cell[used], weight[used], len(cell_key)), 1e-300)
    offsets = np.zeros((len(cell_key), 2), np.uint8)
    for axis, position in enumerate((located.lat, located.lon)):
        inside = position[used] - np.floor(position[used])
        mean = np.bincount(cell[used], weight[used] * inside, len(cell_key)) / total
        offsets[:, axis] = np.clip(mean * OFFSETS, 0, OFFSETS - 1)
    return offsets
