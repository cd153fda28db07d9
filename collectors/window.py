"""Windows: what each rung of the ladder knows of each POP, fading with time.

Cells come in gathered (`gather.py`) and are added; weights halve every `half_life_seconds`. Bounded in
memory; a cell is forgotten when its weight or its newest record has faded. A checkpoint survives restarts,
and takes along how far each collector's deltas have been counted.

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
from collectors.bus import Mark
from collectors.cells import Cells
from collectors.celltable import CellTable
from collectors.errors import ArraysError
from collectors.gather import KEEP_HALF_LIVES, WIDTHS, Gathered
from collectors.histogram import BINS
from collectors.measurement import METRICS, POP_ID_BYTES
from collectors.segments import Position

FORGET_BELOW: Final = 1 / 16
"""A cell that weighs less than this is forgotten: one full record, four half-lives ago."""

_KIND: Final = "windows 2"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a restart begins from: the windows, how far each collector is in them, what the caller added."""

    windows: Windows
    marks: Mapping[str, Mark]
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
        self._tables = {name: CellTable(max_cells) for name in WIDTHS}
        self._pops = np.zeros(0, f"S{POP_ID_BYTES}")  # the id of each POP number, in order of appearance
        self._weighed_at = clock()  # when a record of weight 1 would have to be measured
        self.counted = 0
        """Records counted."""
        self.late = 0
        """Records not gathered because they were past keeping."""
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

    def merge(self, gathered: Gathered) -> None:
        """Add what was gathered from records; its weights are brought to the moment of these windows'.

        A moment in the future counts as now.
        """
        now = self._clock()
        if (
            now - self._weighed_at > self.half_life_seconds
        ):  # after a long stop: no weight may grow past a float
            self.decay(now)
        numbers = self._pop_numbers(gathered.pops)
        factor = 2.0 ** ((min(gathered.at, now) - self._weighed_at) / self.half_life_seconds)
        self.values.merge(gathered.values, numbers, factor)
        self.outcomes.merge(gathered.outcomes, numbers, factor)
        self.counted += gathered.counted
        self.late += gathered.late

    def decay(self, now: float | None = None) -> None:
        """Bring all weights to `now` (the clock's, unless given) and forget what has faded."""
        now = self._clock() if now is None else now
        passed = now - self._weighed_at
        if passed <= 0:  # the clock was set back: time stands still until it has caught up
            return
        for table in self._tables.values():
            table.scale(2.0 ** (-passed / self.half_life_seconds))
            oldest = now - KEEP_HALF_LIVES * self.half_life_seconds
            is_kept = (table.weights() >= FORGET_BELOW) & (table.column("newest") >= oldest)
            self.forgotten += table.keep(is_kept)
        self._weighed_at = now

    def checkpoint(
        self,
        path: Path,
        marks: Mapping[str, Mark],
        extra: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        """Store the windows with the marks of what they include, atomically and durably.

        `extra` arrays travel with them. Raises `OSError`.
        """
        stored = {f"extra.{name}": array for name, array in (extra or {}).items()}
        stored["pops"] = self._pops
        for name, table in self._tables.items():
            stored |= table.cells().arrays(name)
        facts = {
            "kind": _KIND,
            "bins": BINS,
            "metrics": METRICS,
            "weighed_at": self._weighed_at,
            "marks": {name: [m.sequence, m.position.segment, m.position.offset] for name, m in marks.items()},
        }
        arrays.store(path, arrays.ArrayFile(facts, stored))

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
        or metrics: in both cases begin with `Windows(…)` and no marks; collectors read their journals again.
        """
        file = arrays.read(path)
        facts = file.facts
        if (facts.get("kind"), facts.get("bins"), facts.get("metrics")) != (_KIND, BINS, list(METRICS)):
            raise ArraysError(f"{path}: not windows of this version")
        windows = cls(max_cells, half_life_seconds, clock)
        windows._pops = file.arrays["pops"]
        windows._weighed_at = facts["weighed_at"]
        for name, width in WIDTHS.items():
            cells = Cells.of_arrays(file.arrays, name, width, len(windows._pops))
            windows._tables[name] = CellTable.of(cells, max_cells)
        marks = {name: Mark(mark[0], Position(*mark[1:])) for name, mark in facts["marks"].items()}
        return Checkpoint(windows, marks, _under(file.arrays, "extra."))

    def _pop_numbers(self, ids: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint16]:
        """Return the number of each POP id, giving new numbers to new ids."""
        self._pops = np.concatenate([self._pops, np.unique(ids[~np.isin(ids, self._pops)])])
        order = np.argsort(self._pops)
        return order[np.searchsorted(self._pops[order], ids)].astype(np.uint16)


def _under(stored: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): a for name, a in stored.items() if name.startswith(prefix)}
