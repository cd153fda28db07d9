"""Which place every network lies in, as a file that a process maps instead of loading the whole place table.

The runs of both families with the digest of the table that they are of: some 55 MB, of which a look-up
touches a few pages. Written once per edition of the places. Knows no names and no positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.errors import ArraysError
from collectors.network import Network
from collectors.places import PlaceTable

_KIND: Final = "place runs"
_COLUMNS: Final = {"v6_start": "<u8", "v6_place": "<u4", "v4_start": "<u4", "v4_place": "<u4"}  # aligned


@dataclass(frozen=True, slots=True, eq=False)
class PlaceRuns:
    """First units of the runs (the first is 0) and their places; `digest` and `places` are the table's."""

    digest: str
    places: int
    v4_start: npt.NDArray[Any]
    v4_place: npt.NDArray[Any]
    v6_start: npt.NDArray[Any]
    v6_place: npt.NDArray[Any]

    def place_of(self, network: Network) -> int:
        """Return the place of a network, an index into the table."""
        if network.family == 4:
            start, place = self.v4_start, self.v4_place
        else:
            start, place = self.v6_start, self.v6_place
        return int(place[start.searchsorted(start.dtype.type(network.unit), "right") - 1])


def save(table: PlaceTable, path: Path) -> None:
    """Write the runs of a table, atomically and durably. Raises `OSError`."""
    facts = {"kind": _KIND, "digest": table.digest, "places": len(table)}
    columns = {name: np.asarray(getattr(table, name), dtype) for name, dtype in _COLUMNS.items()}
    arrays.write(path, arrays.pack(arrays.ArrayFile(facts, columns)))


def load(path: Path) -> PlaceRuns:
    """Return the runs in a file, mapped. Raises `ArraysError`, and `OSError` where there is none."""
    file = arrays.mapped(path)
    if file.facts.get("kind") != _KIND or {n: c.dtype.str for n, c in file.arrays.items()} != _COLUMNS:
        raise ArraysError(f"{path}: not the runs of a place table")
    digest, places = file.facts.get("digest"), file.facts.get("places")
    if not isinstance(digest, str) or not isinstance(places, int):
        raise ArraysError(f"{path}: does not say which places these are")
    runs = PlaceRuns(digest, places, **file.arrays)
    for start, place in ((runs.v4_start, runs.v4_place), (runs.v6_start, runs.v6_place)):
        if start.ndim != 1 or start.shape != place.shape or not len(start) or start[0] != 0:
            raise ArraysError(f"{path}: expected a place for each run, from unit 0 on")
        if int(place.max()) >= runs.places or bool(np.any(start[1:] <= start[:-1])):
            raise ArraysError(f"{path}: runs lead out of the table")
    return runs
