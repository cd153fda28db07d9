"""A bounded table of cells: columns in numpy arrays, found by hash, grown by merging `Cells` into it.

Rows are found for whole batches at once by a 64-bit hash of the name in a sorted index, and checked against
the name itself, so that two cells never mix. Weights lie in *slots*, one for each bin of a cell that is not
empty: a number `row << 8 | bin`, sorted, and its weight, some ten per cell instead of 163 places.

Voters are sampled (`distinct.py`) apart: `today` holds those of the cell's newest day and newest key of
client hashes, `yesterday` the most there were under one key before that, at most a day earlier. They are
never added up, for a client's hash is another one under each key: so a new key neither makes two clients of
one nor loses what was counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import distinct
from collectors.cells import NAME, VOTERS, Cells, hash_of
from collectors.histogram import quantiles

KEEP_SHARE: Final = 0.9
"""A full table is cut down to this share, so that eviction is rare."""

SLOTS_PER_CELL: Final = 16
"""A table of n cells holds at most this times n slots: 128 bytes a cell."""

FAINT: Final = 2.0**-12
"""A slot that weighs less is let go: one record, twelve half-lives ago."""

ENOUGH_VOTES: Final = 8
"""So many voters of today speak for themselves; below, those of yesterday vote along."""

_ROWS_AT_ONCE: Final = 65_536  # bounds temporary arrays to some megabytes

Rows = npt.NDArray[np.int64]

_COLUMNS: Final[dict[str, np.dtype[Any]]] = {
    "rung": np.dtype(np.uint8),
    "metric": np.dtype(np.uint8),
    "pop": np.dtype(np.uint16),
    "key": np.dtype(np.uint64),
    "newest": np.dtype(np.float64),  # seconds since the epoch
    "day": np.dtype(np.int32),  # the day `today` counts
    "era": np.dtype(np.uint8),  # the key of the client hashes in `today`, 0 while it is not known
    "back": np.dtype(np.uint8),  # days from `yesterday` to `day`: 1, or 0 after a new key within the day
    "today": np.dtype((np.uint32, (distinct.K,))),
    "yesterday": np.dtype((np.uint32, (distinct.K,))),
}


class CellTable:
    """At most `max_cells` cells (below 2^24); grows as needed, evicts the lightest when full."""

    def __init__(self, max_cells: int) -> None:
        self.max_cells = max_cells
        self.evicted = 0
        self.collided = 0
        """Cells refused because their hash equals another cell's (chance about 1e-7 in a million cells)."""
        self._size = 0
        self._columns = {name: np.zeros(0, dtype) for name, dtype in _COLUMNS.items()}
        self._slots = np.zeros(0, np.uint32)  # row << 8 | bin, sorted
        self._weights = np.zeros(0, np.float32)  # the weight of each of them
        self._hashes = np.zeros(0, np.uint64)  # sorted
        self._rows = np.zeros(0, np.int32)  # the row of each of them

    @classmethod
    def of(cls, cells: Cells, max_cells: int) -> CellTable:
        """Return the table whose `cells` these are: no name stands among them twice."""
        table = cls(max_cells)
        table._size = len(cells)
        for name in _COLUMNS:
            if name not in VOTERS:
                table._columns[name] = getattr(cells, name).copy()
        for name in VOTERS:
            table._columns[name] = distinct.unpacked(getattr(cells, f"{name}_used"), getattr(cells, name))
        row = np.repeat(np.arange(len(cells), dtype=np.uint32), cells.used)
        table._slots, table._weights = row << np.uint32(8) | cells.bin, cells.weight.copy()
        hashes = hash_of(cells.rung, cells.metric, cells.pop, cells.key)
        table._rows = np.argsort(hashes, kind="stable").astype(np.int32)
        table._hashes = hashes[table._rows]
        if table._size > max_cells or len(table._slots) > max_cells * SLOTS_PER_CELL:
            table._evict()
        return table

    def __len__(self) -> int:
        return self._size

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return one column of all cells (a view: valid until the next change)."""
        column: npt.NDArray[Any] = self._columns[name][: self._size]
        return column

    def weights(self, bin_: int | None = None) -> npt.NDArray[np.float64]:
        """Return the weight of each cell, or of its bin `bin_` alone."""
        if bin_ is not None:
            chosen = self._slots & np.uint32(0xFF) == bin_
            rows = self._slots[chosen] >> np.uint32(8)
            return np.bincount(rows, self._weights[chosen], self._size).astype(np.float64)
        edges = self._edges()
        summed = np.zeros(self._size)
        filled = np.flatnonzero(np.diff(edges))
        if len(filled):
            summed[filled] = np.add.reduceat(self._weights, edges[filled], dtype=np.float64)
        return summed

    def quantiles(self, q: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return the quantiles `q`, the same for all cells or each one's own: (len(q), cells)."""
        return quantiles(self._used(), self._bins(), self._weights, q)

    def clients(self) -> npt.NDArray[np.int32]:
        """Return each cell's distinct voters: of its newest day and key or of the one before, the more."""
        return np.maximum(*(distinct.count(self.column(name)) for name in VOTERS))

    def votes(self) -> npt.NDArray[np.float32]:
        """Return each cell's median vote, its least and greatest (`distinct.vote_bounds`), and the highest
        that a few liars do not make (`distinct.upper_vote`): (4, cells).

        NaN where nobody votes.
        """
        found = np.empty((4, self._size), np.float32)
        for first in range(0, self._size, _ROWS_AT_ONCE):
            block = slice(first, first + _ROWS_AT_ONCE)
            today, yesterday = (self.column(name)[block] for name in VOTERS)
            few = (today != distinct.EMPTY).sum(axis=1) < ENOUGH_VOTES
            found[:, block] = _counted_out(today)
            found[:, block][:, few] = _counted_out(np.concatenate([today[few], yesterday[few]], axis=1))
        return found

    @property
    def nbytes(self) -> int:
        """Memory held by the table's arrays, as far as it is in use."""
        columns = sum(self.column(name).nbytes for name in self._columns)
        return self._slots.nbytes + self._weights.nbytes + self._hashes.nbytes + self._rows.nbytes + columns

    def merge(self, cells: Cells, pops: npt.NDArray[np.uint16], factor: float = 1.0) -> None:
        """Add cells, made as needed; `pops` numbers their POPs, `factor` scales their weights."""
        if not len(cells):
            return
        pop = pops[cells.pop]
        rows = self._find_or_make(cells, pop)
        same = self.column("pop")[rows] == pop
        for name in ("rung", "metric", "key"):
            same &= self.column(name)[rows] == getattr(cells, name)
        self.collided += int((~same).sum())
        np.maximum.at(self._columns["newest"], rows[same], cells.newest[same])
        own = np.flatnonzero(same)
        # Of a cell that stands here twice the later day holds.
        own = own[np.argsort(cells.day[own], kind="stable")]
        self._turn(rows[own], cells.day[own], cells.era[own])
        of_slot = np.repeat(np.arange(len(cells)), cells.used)
        kept = same[of_slot]
        slots = (rows[of_slot] << 8 | cells.bin)[kept].astype(np.uint32)
        self._fill(slots, cells.weight[kept].astype(np.float64) * factor)
        for name in VOTERS:
            self._hear(name, rows, same, cells)
        if self._size > self.max_cells or len(self._slots) > self.max_cells * SLOTS_PER_CELL:
            self._evict()

    def scale(self, factor: float) -> None:
        """Multiply all weights by `factor`; what has become faint is let go."""
        self._weights *= np.float32(factor)
        stays = self._weights >= FAINT
        if not stays.all():
            self._slots, self._weights = self._slots[stays], self._weights[stays]

    def keep(self, mask: npt.NDArray[np.bool_]) -> int:
        """Keep the cells of the mask only; return how many went."""
        gone = self._size - int(mask.sum())
        if gone:
            kept = np.flatnonzero(mask)
            for name in self._columns:
                self._columns[name] = self.column(name)[kept]
            place = (np.cumsum(mask) - 1).astype(np.uint32)
            row = self._slots >> np.uint32(8)
            stays = mask[row]
            self._slots = place[row[stays]] << np.uint32(8) | self._slots[stays] & np.uint32(0xFF)
            self._weights = self._weights[stays]
            stays = mask[self._rows]
            self._hashes = self._hashes[stays]
            self._rows = place[self._rows[stays]].astype(np.int32)
            self._size = len(kept)
        return gone

    def cells(self) -> Cells:
        """Return all cells; `CellTable.of` them makes this table again."""
        columns = {name: self.column(name) for name in (*NAME, "newest", "day", "era", "back")}
        for name in VOTERS:
            columns[f"{name}_used"], columns[name] = distinct.packed(self.column(name))
        return Cells(used=self._used(), bin=self._bins(), weight=self._weights, **columns)

    def _edges(self) -> npt.NDArray[np.int64]:
        """Return where the slots of each row begin, and where the last one's end."""
        return np.searchsorted(self._slots, np.arange(self._size + 1, dtype=np.uint32) << np.uint32(8))

    def _used(self) -> npt.NDArray[np.uint16]:
        return np.diff(self._edges()).astype(np.uint16)

    def _bins(self) -> npt.NDArray[np.uint8]:
        return self._slots.astype(np.uint8)  # the low byte

    def _find_or_make(self, cells: Cells, pop: npt.NDArray[np.uint16]) -> Rows:
        """Return the row of each cell's hash; a hash not seen before gets a new row."""
        named = hash_of(cells.rung, cells.metric, pop, cells.key)
        hashes, first, which = np.unique(named, return_index=True, return_inverse=True)
        at = np.searchsorted(self._hashes, hashes)
        is_new = np.ones(len(hashes), np.bool_)
        inside = at < len(self._hashes)
        is_new[inside] = self._hashes[at[inside]] != hashes[inside]
        rows = np.empty(len(hashes), np.int64)
        rows[~is_new] = self._rows[at[~is_new]]
        rows[is_new] = self._size + np.arange(int(is_new.sum()))
        if is_new.any():
            self._make(cells, pop, first[is_new])
            self._hashes = np.insert(self._hashes, at[is_new], hashes[is_new])
            self._rows = np.insert(self._rows, at[is_new], rows[is_new].astype(np.int32))
        return rows[which]

    def _make(self, cells: Cells, pop: npt.NDArray[np.uint16], chosen: Rows) -> None:
        end = self._size + len(chosen)
        if end > len(self._columns["key"]):
            self._grow(max(end, min(len(self._columns["key"]) * 3 // 2, self.max_cells), 256))
        block = slice(self._size, end)
        for name in ("rung", "metric", "key", "day", "era", "back"):
            self._columns[name][block] = getattr(cells, name)[chosen]
        self._columns["pop"][block] = pop[chosen]
        self._columns["newest"][block] = -np.inf
        for name in VOTERS:
            self._columns[name][block] = distinct.EMPTY
        self._size = end

    def _grow(self, capacity: int) -> None:
        for name, column in self._columns.items():
            self._columns[name] = np.zeros(capacity, _COLUMNS[name])
            self._columns[name][: self._size] = column[: self._size]

    def _fill(self, slots: npt.NDArray[np.uint32], weights: npt.NDArray[np.float64]) -> None:
        """Add weights to slots, in any order and repeated; new slots are made."""
        order = np.argsort(slots, kind="stable")
        slots, starts = np.unique(slots[order], return_index=True)
        added = np.add.reduceat(weights[order], starts).astype(np.float32) if len(starts) else weights[:0]
        at = np.searchsorted(self._slots, slots)
        is_known = at < len(self._slots)
        is_known[is_known] = self._slots[at[is_known]] == slots[is_known]
        self._weights[at[is_known]] += added[is_known]
        new = ~is_known
        if new.any():
            self._slots = np.insert(self._slots, at[new], slots[new])
            self._weights = np.insert(self._weights, at[new], added[new])

    def _hear(self, name: str, rows: Rows, same: npt.NDArray[np.bool_], cells: Cells) -> None:
        """Count the cells' voters of one sample in the sample their row has for that day, if any."""
        day = cells.day if name == "today" else cells.day - cells.back
        used, voters = getattr(cells, f"{name}_used"), getattr(cells, name)
        newest, back = self._columns["day"][rows], self._columns["back"][rows]
        into = {"today": same & (day == newest) & (name == "today")}
        # A sample that was closed within the day takes nobody in; it is taken up whole, into an empty row.
        is_open = (back > 0) | (self._columns["yesterday"][rows, 0] == distinct.EMPTY)
        into["yesterday"] = same & (day == newest - back) & is_open & ~into["today"]
        of_voter = np.repeat(np.arange(len(rows)), used)
        for target, here in into.items():
            heard = here[of_voter]
            distinct.merge(self._columns[target], rows[of_voter[heard]], voters[heard])

    def _turn(self, rows: Rows, day: npt.NDArray[np.int32], era: npt.NDArray[np.uint8]) -> None:
        """Let the rows count the voters of `day` under the key `era` from now on, if either is newer."""
        columns = self._columns
        had, was = columns["era"][rows], columns["day"][rows]
        is_other = (era != 0) & (had != 0) & (era != had) & (day == was)
        columns["era"][rows] = np.where((era != 0) & ((day > was) | (had == 0) | is_other), era, had)
        turns = (day > was) | is_other
        rows, day, was = rows[turns], day[turns], was[turns]
        if not len(rows):
            return
        before = was - columns["back"][rows]
        today, yesterday = (columns[name][rows] for name in VOTERS)
        count = np.where(day - was <= 1, distinct.count(today), -1)
        count_before = np.where(day - before <= 1, distinct.count(yesterday), -1)
        moves, lapses = count >= count_before, np.maximum(count, count_before) < 0
        kept = np.where(moves[:, None], today, yesterday)
        columns["yesterday"][rows] = np.where(lapses[:, None], distinct.EMPTY, kept)
        columns["back"][rows] = np.where(lapses, 1, day - np.where(moves, was, before))
        columns["today"][rows] = distinct.EMPTY
        columns["day"][rows] = day

    def _evict(self) -> None:
        # Of equally light cells those go that were heard of longest ago.
        order = np.lexsort((self.column("newest"), self.weights()))[::-1]
        fits = np.cumsum(self._used()[order], dtype=np.int64) <= KEEP_SHARE * self.max_cells * SLOTS_PER_CELL
        kept = min(int(self.max_cells * KEEP_SHARE), int(fits.sum()))
        mask = np.zeros(self._size, np.bool_)
        mask[order[:kept]] = True
        self.evicted += self.keep(mask)


def _counted_out(smallest: distinct.Voters) -> npt.NDArray[np.float32]:
    middle = distinct.median_vote(smallest)
    low, high = distinct.vote_bounds(smallest)
    return np.stack([middle, np.fmin(low, middle), np.fmax(high, middle), distinct.upper_vote(smallest)])
