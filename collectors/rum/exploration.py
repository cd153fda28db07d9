"""The exploration table: which POPs are worth measuring from where, as the builder left it for the edge.

A row has the ten closest POPs of a geographic cell, a measured place or a measured network: how close each
is estimated, how sure that is, and how many measurements of it there are. Every place has a row, its cell's
or its own; networks that were measured are found by their number. Checksummed, replaced whole, of some
megabytes: 80 bytes a row. Knows no model: what it holds was estimated elsewhere.
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
from collectors.rum.plan import TOP

NO_POP: Final = 0xFFFF
"""Pads rows where there are fewer POPs."""

_KIND: Final = "exploration"
_COLUMNS: Final = {  # wide items first: aligned when mapped
    "network_key": "<u8",
    "place_row": "<u4",
    "near": "<u2",
    "ms": "<f2",
    "spread_ms": "<f2",
    "known": "<f2",
}


@dataclass(frozen=True, slots=True)
class Near:
    """One POP of a row: estimated ms, the width of its interval, and how often it was measured lately."""

    pop: str
    ms: float
    spread_ms: float
    known: float


@dataclass(frozen=True, slots=True, eq=False)
class Exploration:
    """`near`, `ms`, `spread_ms` and `known` are (rows, TOP), closest first; `near` holds columns of `pops`.

    `place_row` has the row of each place of the table with that `places` digest; the last rows are those of
    the networks in `network_key`, ascending (family << 60 | unit).
    """

    places: str
    pops: tuple[str, ...]
    near: npt.NDArray[Any]
    ms: npt.NDArray[Any]
    spread_ms: npt.NDArray[Any]
    known: npt.NDArray[Any]
    place_row: npt.NDArray[Any]
    network_key: npt.NDArray[Any]

    def of_place(self, place: int) -> list[Near]:
        """Return what is known from a place."""
        return self._row(int(self.place_row[place]))

    def of_network(self, network: Network) -> list[Near]:
        """Return what is known from a network; [] for one that was not measured."""
        key = self.network_key.dtype.type(number_of(network))
        at = int(self.network_key.searchsorted(key))
        if at == len(self.network_key) or self.network_key[at] != key:
            return []
        return self._row(len(self.near) - len(self.network_key) + at)

    def _row(self, row: int) -> list[Near]:
        columns = (self.near[row], self.ms[row], self.spread_ms[row], self.known[row])
        return [
            Near(self.pops[pop], ms, spread, known)
            for pop, ms, spread, known in zip(*(column.tolist() for column in columns), strict=True)
            if pop != NO_POP
        ]

    def problems(self) -> list[str]:
        """Return what is wrong inside: shapes that differ, indices out of range."""
        shape = (len(self.near), TOP)
        found = [
            f"{name}: expected {shape}"
            for name in ("near", "ms", "spread_ms", "known")
            if getattr(self, name).shape != shape
        ]
        if int(np.where(self.near == NO_POP, 0, self.near).max(initial=0)) >= max(len(self.pops), 1):
            found.append("near: a POP is out of range")
        if found:
            return found
        if self.network_key.ndim != 1 or self.place_row.ndim != 1:
            return ["place_row, network_key: expected one number each"]
        if len(self.network_key) > len(self.near) or not len(self.place_row):
            found.append("place_row, network_key: expected a row each")
        elif int(self.place_row.max()) >= len(self.near):
            found.append("place_row: a row is out of range")
        return found


def number_of(network: Network) -> int:
    """Return the number that stands for a network."""
    return network.family << 60 | network.unit


def pack(table: Exploration) -> bytes:
    """Return the table as a file's bytes (layout: `arrays.py`)."""
    facts = {"kind": _KIND, "places": table.places, "pops": list(table.pops)}
    columns = {name: np.asarray(getattr(table, name), dtype) for name, dtype in _COLUMNS.items()}
    return arrays.pack(arrays.ArrayFile(facts, columns))


def load(path: Path) -> Exploration:
    """Return the table in a file, mapped. Raises `ArraysError`, and `OSError` where there is none."""
    file = arrays.mapped(path)
    if file.facts.get("kind") != _KIND or {n: c.dtype.str for n, c in file.arrays.items()} != _COLUMNS:
        raise ArraysError(f"{path}: not an exploration table of this version")
    places, pops = file.facts.get("places"), file.facts.get("pops")
    if not isinstance(places, str) or not isinstance(pops, list) or not all(isinstance(p, str) for p in pops):
        raise ArraysError(f"{path}: does not say of which places and POPs it is")
    table = Exploration(places, tuple(pops), **file.arrays)
    problems = table.problems()
    if problems:
        raise ArraysError(f"{path}: {'; '.join(problems)}")
    return table
