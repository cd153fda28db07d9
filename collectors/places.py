"""The place table: one place (country, ~100 km cell, AS) per run of /24s or /48s.

Knows how networks map to places and what a place is; the file it lives in is `placefile.py`, the databases
it is made from are `geoip.py`. Place 0 is the world: what nobody can place. Immutable once made.

A *cell* is a square of one degree within one country. All its places share one position: the mean of its
networks. The stable key of a place is packed as country code (10 bits) << 49 | square (17 bits) << 32 | AS
(32 bits), so that what was learned about a place survives a new edition of the table.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors import columns
from collectors.errors import PlaceTableError
from collectors.network import UNIT_BITS, Network

WORLD: Final = 0
"""The place of a network nobody can place."""

SQUARES_PER_ROW: Final = 360
SQUARE_BITS: Final = 17
ASN_MASK: Final = 0xFFFF_FFFF

OFFSETS: Final = 256
"""Positions inside a square are kept to 1/256 degree (0.4 km)."""

Runs = tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]
"""First unit of each run (the first is 0) and its place."""


@dataclass(frozen=True, slots=True, eq=False)
class PlaceTable:
    """All places, and the runs of networks that belong to them.

    `country`, `lat`, `lon`, `cell`, `asn`, `key` and `weight` have one row per place; a run reaches from its
    `start` to the next one's. `weight` is the number of announced IPv4 /24s in the place, 1 where there are
    none: the demand until real demand is known. Positions are degrees, NaN where unknown.
    """

    countries: tuple[str, ...]
    country: npt.NDArray[np.uint16]
    lat: npt.NDArray[np.float32]
    lon: npt.NDArray[np.float32]
    cell: npt.NDArray[np.uint32]
    asn: npt.NDArray[np.uint32]
    key: npt.NDArray[np.uint64]
    weight: npt.NDArray[np.float32]
    v4_start: npt.NDArray[np.uint32]
    v4_place: npt.NDArray[np.uint32]
    v6_start: npt.NDArray[np.uint64]
    v6_place: npt.NDArray[np.uint32]
    edition: str
    credit: str
    digest: str

    def __len__(self) -> int:
        return len(self.key)

    def place_of(self, network: Network) -> int:
        """Return the place of one network."""
        start, place = self._runs(network.family)
        return int(place[start.searchsorted(start.dtype.type(network.unit), "right") - 1])

    def places_of(self, family: int, units: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
        """Return the place of each unit of one address family."""
        start, place = self._runs(family)
        return place[start.searchsorted(units.astype(start.dtype, copy=False), "right") - 1]

    def places_of_each(
        self, family: npt.NDArray[np.uint8], units: npt.NDArray[np.uint64]
    ) -> npt.NDArray[np.uint32]:
        """Return the place of each unit of its family; that of any other family is the world."""
        place = np.full(len(units), WORLD, np.uint32)
        for version in (4, 6):
            here = np.flatnonzero(family == version)
            if len(here):
                place[here] = self.places_of(version, units[here])
        return place

    def run_of(self, network: Network) -> tuple[int, int]:
        """Return [first, end) of the run around a network, in units."""
        first, end, _ = self.runs_of(network.family, np.array([network.unit], np.uint64))
        return int(first[0]), int(end[0])

    def runs_of(
        self, family: int, units: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
        """Return first unit, end (exclusive) and place of the run around each unit of one family."""
        start, place = self._runs(family)
        run = start.searchsorted(units.astype(start.dtype, copy=False), "right") - 1
        following = start[np.minimum(run + 1, len(start) - 1)].astype(np.uint64)
        end = np.where(run + 1 < len(start), following, np.uint64(1 << UNIT_BITS[family]))
        return start[run].astype(np.uint64), end, place[run]

    def cell_sites(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.str_]]:
        """Return latitude, longitude and country code of each cell; cell 0 is unknown (NaN, NaN, "")."""
        _, first = np.unique(self.cell, return_index=True)
        codes = np.array(self.countries, "<U2")[self.country[first]]
        return self.lat[first].astype(np.float64), self.lon[first].astype(np.float64), codes

    def _runs(self, family: int) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.uint32]]:
        return (self.v4_start, self.v4_place) if family == 4 else (self.v6_start, self.v6_place)


def assemble(
    key: npt.NDArray[np.uint64],
    offset: npt.NDArray[np.uint8],
    v4: Runs,
    v6: Runs,
    edition: str = "",
    credit: str = "",
    digest: str = "",
) -> PlaceTable:
    """Return the table of ascending place keys, of which the first is 0; all else follows from them.

    `offset` is the position of each cell in its square, shape (cells, 2): latitude and longitude in 1/256
    degree; cells are numbered in the order of their keys. Without a `digest` it is computed. Raises
    `ValueError` for keys or runs that break the invariants of a table.
    """
    if not len(key) or key[0] != 0 or np.any(key[1:] <= key[:-1]):
        raise ValueError("place keys do not ascend from 0")
    for family, runs in ((4, v4), (6, v6)):
        _check_runs(family, *runs, places=len(key))
    cell_key, cell = np.unique(key >> np.uint64(32), return_inverse=True)
    lat, lon = _positions(cell_key, offset)
    code, country = np.unique(cell_key >> np.uint64(SQUARE_BITS), return_inverse=True)
    asn = (key & np.uint64(ASN_MASK)).astype(np.uint32)
    table = PlaceTable(
        countries=tuple(letters_of(int(number)) for number in code),
        country=country.astype(np.uint16)[cell],
        lat=lat[cell],
        lon=lon[cell],
        cell=cell.astype(np.uint32),
        asn=asn,
        key=key,
        weight=_weights(asn, *v4),
        v4_start=v4[0].astype(np.uint32),
        v4_place=v4[1].astype(np.uint32),
        v6_start=v6[0].astype(np.uint64),
        v6_place=v6[1].astype(np.uint32),
        edition=edition,
        credit=credit,
        digest=digest,
    )
    return table if digest else dataclasses.replace(table, digest=columns.digest_of(*_content(table)))


def _check_runs(
    family: int, start: npt.NDArray[np.integer], place: npt.NDArray[np.integer], *, places: int
) -> None:
    if len(start) != len(place) or not len(start) or start[0] != 0 or np.any(start[1:] <= start[:-1]):
        raise ValueError(f"IPv{family} runs do not ascend from unit 0")
    if int(start[-1]) >> UNIT_BITS[family] or int(place.max()) >= places:
        raise ValueError(f"IPv{family} runs lead out of the table")


def load(path: Path) -> PlaceTable:
    """Return the table of a file. Raises `PlaceTableError` when it is missing, foreign or damaged."""
    file = columns.load(path)
    try:
        return _from_content(file)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise PlaceTableError(f"{path}: not the columns of a place table ({error})") from error


def save(table: PlaceTable, path: Path) -> None:
    """Write the table to one compressed file (see `columns.py`), replacing `path` atomically."""
    columns.save(path, *_content(table))


def _content(table: PlaceTable) -> tuple[dict[str, str], dict[str, npt.NDArray[np.unsignedinteger]]]:
    """Return facts and columns: what cannot be computed from the rest, as small differences."""
    _, first, count = np.unique(table.cell, return_index=True, return_counts=True)
    lat, lon = (np.nan_to_num(degrees[first].astype(np.float64)) for degrees in (table.lat, table.lon))
    cell_key = (table.key[first] >> np.uint64(32)).astype(np.uint32)
    content = {
        "cell_key": np.diff(cell_key, prepend=cell_key[:1]),
        "cell_lat": ((lat - np.floor(lat)) * OFFSETS).astype(np.uint8),
        "cell_lon": ((lon - np.floor(lon)) * OFFSETS).astype(np.uint8),
        "cell_places": count.astype(np.uint32),
        "asn": np.diff(table.asn, prepend=np.uint32(0)),
    }
    for family, start, place in ((4, table.v4_start, table.v4_place), (6, table.v6_start, table.v6_place)):
        content[f"v{family}_start"] = np.diff(start, prepend=start.dtype.type(0))
        content[f"v{family}_place"] = place
    return {"edition": table.edition, "credit": table.credit}, content


def _from_content(file: columns.ColumnFile) -> PlaceTable:
    column = file.columns
    cell_key = np.cumsum(column["cell_key"], dtype=np.uint64)
    asn = np.cumsum(column["asn"], dtype=np.uint32)
    return assemble(
        np.repeat(cell_key << np.uint64(32), column["cell_places"]) | asn,
        np.stack([column["cell_lat"], column["cell_lon"]], axis=1).astype(np.uint8),
        (np.cumsum(column["v4_start"], dtype=np.uint32), column["v4_place"]),
        (np.cumsum(column["v6_start"], dtype=np.uint64), column["v6_place"]),
        str(file.facts["edition"]),
        str(file.facts["credit"]),
        file.digest,
    )


def _positions(
    cell_key: npt.NDArray[np.uint64], offset: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return latitude and longitude of each cell: the middle of its 1/256 degree step."""
    square = (cell_key & np.uint64((1 << SQUARE_BITS) - 1)).astype(np.int64)
    row, column = np.divmod(square - 1, SQUARES_PER_ROW)
    corners = np.stack([row - 90, column - 180], axis=1)
    positions = np.where(square[:, None] > 0, corners + (offset + 0.5) / OFFSETS, np.nan)
    return positions[:, 0].astype(np.float32), positions[:, 1].astype(np.float32)


def _weights(
    asn: npt.NDArray[np.uint32],
    start: npt.NDArray[np.integer],
    place: npt.NDArray[np.integer],
) -> npt.NDArray[np.float32]:
    units = np.diff(start.astype(np.float64), append=float(1 << UNIT_BITS[4]))
    weight = np.bincount(place, units, len(asn)) * (asn != 0)
    weights: npt.NDArray[np.float32] = np.maximum(weight, 1.0).astype(np.float32)
    return weights


@functools.cache
def code_of(letters: str) -> int:
    """Return a two-letter code as a number below 2^10; "" is 0. Raises `ValueError` for anything else."""
    if not letters:
        return 0
    if len(letters) != 2 or not all("A" <= letter <= "Z" for letter in letters):
        raise ValueError(f"{letters!r}: expected two capital letters")
    return (ord(letters[0]) - 64) * 27 + ord(letters[1]) - 64


def letters_of(code: int) -> str:
    """Return the two letters of a code number, "" for 0."""
    return chr(code // 27 + 64) + chr(code % 27 + 64) if code else ""


def square_of(lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]) -> npt.NDArray[np.uint32]:
    """Return the number of the one-degree square of each position, 0 for NaN, at most 64,800."""
    known = np.isfinite(lat) & np.isfinite(lon)
    row = np.clip(np.floor(np.where(known, lat, 0.0)) + 90, 0, 179).astype(np.uint32)
    column = (np.floor(np.where(known, lon, 0.0)).astype(np.int64) + 180) % SQUARES_PER_ROW
    return np.where(known, 1 + row * SQUARES_PER_ROW + column.astype(np.uint32), 0).astype(np.uint32)


def keys_of(
    country_code: npt.NDArray[np.integer],
    square: npt.NDArray[np.integer],
    asn: npt.NDArray[np.integer],
) -> npt.NDArray[np.uint64]:
    """Return the stable keys of places given by country code number, square and AS number."""
    cell_key = country_code.astype(np.uint64) << np.uint64(SQUARE_BITS) | square.astype(np.uint64)
    return cell_key << np.uint64(32) | asn.astype(np.uint64)
