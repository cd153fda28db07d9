"""Windows: what each rung of the ladder knows of each POP, fading with time.

Records come in with the keys of their network's rungs (`Ladder.keys`, handed in by the caller); each counts
in one cell per known rung. Weights halve every `half_life_seconds`, by the record's own time: a record that
arrives late weighs what it would weigh now had it come in time. Bounded in memory; a cell is forgotten when
its weight or its newest record has faded. A checkpoint that carries the journal position survives restarts.

Knows no places, no journal and no decision. Not for several threads at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import arrays
from collectors.cells import CellTable, Entries, mix64
from collectors.errors import ArraysError
from collectors.histogram import BINS, bin_of
from collectors.measurement import COARSE, METRICS, POP_ID_BYTES
from collectors.segments import Position

AVAILABILITY: Final = METRICS.index("availability")

COARSE_WEIGHT: Final = 0.5
"""A coarse timer's record counts half: its error is of the size of what we decide on."""

FORGET_BELOW: Final = 1 / 16
"""A cell that weighs less than this is forgotten: one full record, four half-lives ago."""

KEEP_HALF_LIVES: Final = 4.0
"""A cell whose newest record is older than this is forgotten, however heavy; such a record is not taken."""

_CHUNK: Final = 4096  # records at once: bounds the temporary arrays to a few megabytes
_DAY_SECONDS: Final = 86_400
_KIND: Final = "windows"
_TABLES: Final = {"values": BINS, "outcomes": 2}


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a restart begins from: the windows, where to read on in the journal, and what the caller added."""

    windows: Windows
    position: Position
    extra: Mapping[str, npt.NDArray[Any]]


class Windows:
    """Two tables of at most `max_cells` cells each: histograms of values, and counts of down and up."""

    def __init__(
        self,
        max_cells: int = 100_000,
        half_life_seconds: float = 43_200.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.half_life_seconds = half_life_seconds
        self._clock = clock
        self._tables = {name: CellTable(width, max_cells) for name, width in _TABLES.items()}
        self._pops = np.zeros(0, f"S{POP_ID_BYTES}")  # the id of each POP number, in order of appearance
        self._weighed_at = clock()  # when a record of weight 1 would have to be measured
        self.counted = 0
        """Records counted."""
        self.late = 0
        """Records refused because they are past keeping."""
        self.forgotten = 0
        """Cells that faded away."""

    @property
    def values(self) -> CellTable:
        """The cells of rtt_ms, connect_ms and throughput_kbps, bins as in `histogram.py`."""
        return self._tables["values"]

    @property
    def outcomes(self) -> CellTable:
        """The cells of availability; bin 0 counts failures, bin 1 successes."""
        return self._tables["outcomes"]

    @property
    def pops(self) -> npt.NDArray[np.bytes_]:
        """The id of each POP number."""
        return self._pops

    @property
    def evicted(self) -> int:
        """Cells that gave way to heavier ones since the start."""
        return sum(table.evicted for table in self._tables.values())

    @property
    def nbytes(self) -> int:
        """Memory held by the cells."""
        return sum(table.nbytes for table in self._tables.values())

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    def add(self, records: npt.NDArray[np.void], rung_keys: npt.NDArray[np.uint64]) -> int:
        """Count records (dtype `RECORD`, values as the guard lets them through); return how many counted.

        `rung_keys` (records, rungs): finest rung first, the world last; key 0 on any rung but the last means
        that the rung is not known and learns nothing. Times in the future are taken as now.
        """
        now = self._clock()
        is_kept = records["time"] >= now - KEEP_HALF_LIVES * self.half_life_seconds
        self.late += int((~is_kept).sum())
        if not is_kept.all():
            records, rung_keys = records[is_kept], rung_keys[is_kept]
        for first in range(0, len(records), _CHUNK):
            self._add(records[first : first + _CHUNK], rung_keys[first : first + _CHUNK], now)
        self.counted += len(records)
        return len(records)

    def decay(self, now: float | None = None) -> None:
        """Bring all weights to `now` (the clock's, unless given) and forget what has faded."""
        now = self._clock() if now is None else now
        passed = now - self._weighed_at
        if passed <= 0:  # the clock was set back: time stands still until it has caught up
            return
        for table in self._tables.values():
            table.scale(2.0 ** (-passed / self.half_life_seconds))
            oldest = now - KEEP_HALF_LIVES * self.half_life_seconds
            is_kept = (table.column("weight") >= FORGET_BELOW) & (table.column("newest") >= oldest)
            self.forgotten += table.keep(is_kept)
        self._weighed_at = now

    def checkpoint(
        self,
        path: Path,
        position: Position,
        extra: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        """Store the windows with the journal position they include, atomically and durably.

        `extra` arrays (such as `Guard.arrays()`) travel with them. Raises `OSError`.
        """
        stored = {f"extra.{name}": array for name, array in (extra or {}).items()}
        stored["pops"] = self._pops
        for table, cells in self._tables.items():
            stored |= {f"{table}.{name}": array for name, array in cells.arrays().items()}
        facts = {
            "kind": _KIND,
            "bins": BINS,
            "metrics": METRICS,
            "weighed_at": self._weighed_at,
            "position": [position.segment, position.offset],
        }
        arrays.write(path, arrays.pack(arrays.ArrayFile(facts, stored)))

    @classmethod
    def restore(
        cls,
        path: Path,
        max_cells: int = 100_000,
        half_life_seconds: float = 43_200.0,
        clock: Callable[[], float] = time.time,
    ) -> Checkpoint:
        """Return what `checkpoint` stored at `path`.

        Raises `FileNotFoundError` when there is none and `ArraysError` when it is damaged or of other bins
        or metrics: in both cases begin with `Windows(…)` at `Position()`, which reads the journal again.
        """
        file = arrays.read(path)
        facts = file.facts
        if (facts.get("kind"), facts.get("bins"), facts.get("metrics")) != (_KIND, BINS, list(METRICS)):
            raise ArraysError(f"{path}: not windows of this version")
        windows = cls(max_cells, half_life_seconds, clock)
        windows._pops = file.arrays["pops"]
        windows._weighed_at = facts["weighed_at"]
        for table, width in _TABLES.items():
            stored = _under(file.arrays, f"{table}.")
            windows._tables[table] = CellTable.of_arrays(width, max_cells, stored)
        return Checkpoint(windows, Position(*facts["position"]), _under(file.arrays, "extra."))

    def _add(self, records: npt.NDArray[np.void], rung_keys: npt.NDArray[np.uint64], now: float) -> None:
        is_outcome = records["metric"] == AVAILABILITY
        pop = self._pop_numbers(records["pop"])
        moment = np.minimum(records["time"], now)
        weight = np.exp2((moment - self._weighed_at) / self.half_life_seconds)
        weight[records["flags"] & COARSE != 0] *= COARSE_WEIGHT
        bin_ = np.where(is_outcome, records["value"] >= 0.5, bin_of(records["value"]))
        row, rung = np.nonzero(_is_known(rung_keys))
        entries = Entries(
            rung.astype(np.uint8),
            records["metric"][row],
            pop[row],
            rung_keys[row, rung],
            bin_[row],
            weight[row],
            moment[row],
            (moment // _DAY_SECONDS).astype(np.int32)[row],
            np.where(rung == 0, _client_hash(records)[row], _network_hash(records)[row]),
        )
        self.outcomes.add(entries.take(is_outcome[row]))
        self.values.add(entries.take(~is_outcome[row]))

    def _pop_numbers(self, ids: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint16]:
        """Return the number of each POP id, giving new numbers to new ids."""
        unique, which = np.unique(ids, return_inverse=True)
        new = unique[~np.isin(unique, self._pops)]
        self._pops = np.concatenate([self._pops, new])
        order = np.argsort(self._pops)
        numbers = order[np.searchsorted(self._pops[order], unique)]
        return numbers.astype(np.uint16)[which]


def _is_known(rung_keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    known: npt.NDArray[np.bool_] = rung_keys != 0
    known[:, -1] = True
    return known


def _client_hash(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint32]:
    """Return a hash of each record's client; a client not known counts as one per network."""
    client = _spread(records["client"].astype(np.uint64))
    return np.where(records["client"] == 0, _network_hash(records), client)


def _network_hash(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint32]:
    return _spread(records["family"].astype(np.uint64) << np.uint64(60) | records["unit"])


def _spread(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    return np.asarray((mix64(numbers) >> np.uint64(32)).astype(np.uint32))


def _under(stored: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): a for name, a in stored.items() if name.startswith(prefix)}
