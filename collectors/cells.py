"""A bounded table of cells, each a decayed histogram: columns in numpy arrays, found by hash.

A cell is named by (rung, key, metric, pop); rows are found for whole batches at once by a 64-bit hash of the
name in a sorted index, and checked against the name itself, so that two cells never mix. Knows weights, bins
and hashes; what a bin means, time's passing and where weights come from is `window.py`.

Distinct clients are counted (`distinct.py`) for the cell's newest day and for the day before it, apart: a
client's hash is another one each day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import distinct

KEEP_SHARE: Final = 0.9
"""A full table is cut down to this share, so that eviction is rare."""

Rows = npt.NDArray[np.int64]

_COLUMNS: Final[dict[str, np.dtype[Any]]] = {
    "rung": np.dtype(np.uint8),
    "metric": np.dtype(np.uint8),
    "pop": np.dtype(np.uint16),
    "key": np.dtype(np.uint64),
    "weight": np.dtype(np.float64),  # sum of the bins
    "newest": np.dtype(np.float64),  # seconds since the epoch
    "day": np.dtype(np.int32),  # the day `today` counts
    "today": np.dtype((np.uint32, (distinct.K,))),
    "yesterday": np.dtype((np.uint32, (distinct.K,))),
}

_NAME: Final = ("rung", "metric", "pop", "key")
_CLIENTS: Final = ("today", "yesterday")  # as many days behind the newest as their place here


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """A batch of observations of cells: one row each, all arrays of one length."""

    rung: npt.NDArray[np.uint8]
    metric: npt.NDArray[np.uint8]
    pop: npt.NDArray[np.uint16]
    key: npt.NDArray[np.uint64]
    bin: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    time: npt.NDArray[np.float64]
    day: npt.NDArray[np.int32]
    who: npt.NDArray[np.uint32]  # hash of the client, or of the network on coarser rungs

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: npt.NDArray[Any]) -> Entries:
        """Return the entries chosen by a mask or by indices."""
        return Entries(*(getattr(self, field.name)[rows] for field in fields(self)))


class CellTable:
    """At most `max_cells` cells of `width` bins; grows as needed, evicts the lightest when full."""

    def __init__(self, width: int, max_cells: int) -> None:
        self.width = width
        self.max_cells = max_cells
        self.evicted = 0
        self.collided = 0
        """Entries refused because their cell's hash equals another cell's (chance about 1e-9 per table)."""
        self._size = 0
        self._columns = {name: np.zeros(0, dtype) for name, dtype in _COLUMNS.items()}
        self._bins = np.zeros((0, width), np.float32)
        self._hashes = np.zeros(0, np.uint64)  # sorted
        self._rows = np.zeros(0, np.int64)  # the row of each of them

    def __len__(self) -> int:
        return self._size

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return one column of all cells (a view: valid until the next change)."""
        column: npt.NDArray[Any] = self._columns[name][: self._size]
        return column

    @property
    def bins(self) -> npt.NDArray[np.float32]:
        """The histograms (cells, width) of all cells (a view: valid until the next change)."""
        return self._bins[: self._size]

    def clients(self) -> npt.NDArray[np.int32]:
        """Return each cell's distinct clients: those of its newest day or of the one before, the larger."""
        return np.maximum(*(distinct.count(self.column(name)) for name in _CLIENTS))

    @property
    def nbytes(self) -> int:
        """Memory held by the table's arrays."""
        columns = sum(column.nbytes for column in self._columns.values())
        return self._bins.nbytes + self._hashes.nbytes + self._rows.nbytes + columns

    def add(self, entries: Entries) -> int:
        """Count the entries in their cells, made as needed; return how many were counted."""
        if not len(entries):
            return 0
        rows = self._find_or_make(entries)
        same = np.ones(len(entries), np.bool_)
        for name in ("rung", "metric", "pop", "key"):
            same &= self._columns[name][rows] == getattr(entries, name)
        if not same.all():
            self.collided += int((~same).sum())
            rows, entries = rows[same], entries.take(same)
        order = np.argsort(rows, kind="stable")
        self._count(rows[order], entries.take(order))
        if self._size > self.max_cells:
            self._evict()
        return len(entries)

    def scale(self, factor: float) -> None:
        """Multiply all weights by `factor`, in place."""
        self.bins[:] *= np.float32(factor)
        self.column("weight")[:] *= factor

    def keep(self, mask: npt.NDArray[np.bool_]) -> int:
        """Keep the cells of the mask only; return how many went."""
        gone = self._size - int(mask.sum())
        if gone:
            kept = np.flatnonzero(mask)
            self._columns = {name: self.column(name)[kept] for name in self._columns}
            self._bins = self._bins[kept]
            self._size = len(kept)
            self._index()
        return gone

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the cells as arrays to be stored: the columns, and the bins that are not empty."""
        row, bin_ = np.nonzero(self.bins)
        stored: dict[str, npt.NDArray[Any]] = {n: self.column(n) for n in self._columns if n not in _CLIENTS}
        for name in _CLIENTS:
            stored[f"{name}_used"], stored[name] = distinct.packed(self.column(name))
        stored["used"] = np.bincount(row, minlength=self._size).astype(np.uint16)
        stored["bin"] = bin_.astype(np.uint16)
        stored["bin_weight"] = self.bins[row, bin_]
        return stored

    @classmethod
    def of_arrays(cls, width: int, max_cells: int, stored: Mapping[str, npt.NDArray[Any]]) -> CellTable:
        """Return the table that `arrays` was taken of, cut down to `max_cells`."""
        table = cls(width, max_cells)
        plain = (name for name in _COLUMNS if name not in _CLIENTS)
        table._columns = {name: stored[name].astype(_COLUMNS[name]) for name in plain}
        for name in _CLIENTS:
            table._columns[name] = distinct.unpacked(stored[f"{name}_used"], stored[name])
        table._size = len(stored["key"])
        table._bins = np.zeros((table._size, width), np.float32)
        row = np.repeat(np.arange(table._size), stored["used"])
        table._bins[row, stored["bin"]] = stored["bin_weight"]
        table._index()
        if table._size > max_cells:
            table._evict()
        return table

    def _find_or_make(self, entries: Entries) -> Rows:
        """Return the row of each entry's hash; a hash not seen before gets a new row."""
        hashes, first, which = np.unique(_hash_of(entries), return_index=True, return_inverse=True)
        at = np.searchsorted(self._hashes, hashes)
        is_new = np.ones(len(hashes), np.bool_)
        inside = at < len(self._hashes)
        is_new[inside] = self._hashes[at[inside]] != hashes[inside]
        rows = np.empty(len(hashes), np.int64)
        rows[~is_new] = self._rows[at[~is_new]]
        rows[is_new] = self._size + np.arange(int(is_new.sum()))
        if is_new.any():
            self._make(entries.take(first[is_new]))
            self._hashes = np.insert(self._hashes, at[is_new], hashes[is_new])
            self._rows = np.insert(self._rows, at[is_new], rows[is_new])
        return rows[which]

    def _make(self, entries: Entries) -> None:
        end = self._size + len(entries)
        if end > len(self._bins):
            self._grow(max(end, min(2 * len(self._bins), self.max_cells), 256))
        block = slice(self._size, end)
        self._bins[block] = 0
        for name in self._columns:
            self._columns[name][block] = getattr(entries, name) if name in _NAME else 0
        self._columns["day"][block] = entries.day
        for name in _CLIENTS:
            self._columns[name][block] = distinct.EMPTY
        self._size = end

    def _grow(self, capacity: int) -> None:
        for name, column in self._columns.items():
            self._columns[name] = np.zeros(capacity, _COLUMNS[name])
            self._columns[name][: self._size] = column[: self._size]
        bins = np.zeros((capacity, self.width), np.float32)
        bins[: self._size] = self.bins
        self._bins = bins

    def _count(self, rows: Rows, entries: Entries) -> None:
        """Add entries whose rows are sorted."""
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        own = rows[starts]
        np.add.at(self._bins.reshape(-1), rows * self.width + entries.bin, entries.weight.astype(np.float32))
        self._columns["weight"][own] += np.add.reduceat(entries.weight, starts)
        newest = np.maximum.reduceat(entries.time, starts)
        self._columns["newest"][own] = np.maximum(self._columns["newest"][own], newest)
        self._turn_day(own, np.maximum.reduceat(entries.day, starts))
        behind = self._columns["day"][rows] - entries.day
        for days, name in enumerate(_CLIENTS):
            counts = behind == days
            distinct.merge(self._columns[name], rows[counts], entries.who[counts])

    def _turn_day(self, rows: Rows, day: npt.NDArray[np.int32]) -> None:
        """Let the rows count the clients of `day` from now on, if it is later than theirs."""
        ahead = day - self._columns["day"][rows]
        later, ahead, day = rows[ahead > 0], ahead[ahead > 0], day[ahead > 0]
        before = np.where(ahead[:, None] == 1, self._columns["today"][later], distinct.EMPTY)
        self._columns["yesterday"][later] = before
        self._columns["today"][later] = distinct.EMPTY
        self._columns["day"][later] = day

    def _evict(self) -> None:
        weight = self.column("weight")
        kept = int(self.max_cells * KEEP_SHARE)
        # Of equally light cells those go that were heard of longest ago.
        order = np.lexsort((self.column("newest"), weight))
        mask = np.zeros(self._size, np.bool_)
        mask[order[self._size - kept :]] = True
        self.evicted += self.keep(mask)

    def _index(self) -> None:
        columns = {name: self.column(name) for name in _NAME}
        hashes = _mix(columns["key"], columns["rung"], columns["metric"], columns["pop"])
        self._rows = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._rows]


def mix64(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return well-spread 64-bit numbers (the finaliser of splitmix64; Steele, Lea, Flood: OOPSLA 2014)."""
    mixed = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return mixed ^ mixed >> np.uint64(31)


def _hash_of(entries: Entries) -> npt.NDArray[np.uint64]:
    return _mix(entries.key, entries.rung, entries.metric, entries.pop)


def _mix(
    key: npt.NDArray[np.uint64],
    rung: npt.NDArray[np.uint8],
    metric: npt.NDArray[np.uint8],
    pop: npt.NDArray[np.uint16],
) -> npt.NDArray[np.uint64]:
    """Return the hash of names; the small parts are packed without loss before they are mixed in."""
    small = pop.astype(np.uint64) << np.uint64(16) | metric.astype(np.uint64) << np.uint64(8) | rung
    return mix64(mix64(key + np.uint64(0x9E3779B97F4A7C15)) ^ small)
