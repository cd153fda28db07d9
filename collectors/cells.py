"""Cells as values: what a batch of records, a delta or a checkpoint knows of each (rung, key, metric, POP).

Additive: two sets of cells are joined by adding the weights of like bins, keeping the later time and the
voters with the smallest hashes (`CellTable.merge`), however cut. A histogram is stored by the bins that are
not empty, because nearly all are. Knows names, weights, days and voters; what a bin means, what weights fade
by and where cells come from is `gather.py` and `window.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors import distinct
from collectors.errors import ArraysError

NAME: Final = ("rung", "metric", "pop", "key")
VOTERS: Final = ("today", "yesterday")
"""Samples of voters (`distinct.py`): of the cell's newest day, and of that day's `back` days before."""


MAX_WEIGHT: Final = 2.0**40
"""More records than a bin ever hears of; sums of such weights stay finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Columns: one row for each cell, then those of `bin`, `today` and `yesterday`, one cell after the other.

    A cell may stand here more than once: its parts add up. `used` says how many bins a cell has, the other
    two `_used` how many voters: clients of the network on its own rung, networks or ASes on wider ones. A
    client's hash means something only beside those of the same key, the `era`; the two samples are never
    added up.
    """

    rung: npt.NDArray[np.uint8]
    metric: npt.NDArray[np.uint8]
    pop: npt.NDArray[np.uint16]  # place in a list of POP ids that travels beside the cells
    key: npt.NDArray[np.uint64]
    newest: npt.NDArray[np.float64]  # time of the newest record, seconds since the epoch
    day: npt.NDArray[np.int32]  # UTC day that `today` counts
    era: npt.NDArray[np.uint8]  # key of the client hashes in `today`, 0 where there is none
    back: npt.NDArray[np.uint8]  # days from `yesterday` to `day`: 1, or 0 after a new key within the day
    used: npt.NDArray[np.uint16]
    bin: npt.NDArray[np.uint8]
    weight: npt.NDArray[np.float32]  # of a bin, above 0
    today_used: npt.NDArray[np.uint8]
    today: npt.NDArray[np.uint32]
    yesterday_used: npt.NDArray[np.uint8]
    yesterday: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.key)

    @classmethod
    def nothing(cls) -> Cells:
        """Return no cells."""
        return cls(**{name: np.zeros(0, dtype) for name, dtype in COLUMNS.items()})

    def take(self, mask: npt.NDArray[np.bool_]) -> Cells:
        """Return the cells of the mask."""
        columns = {name: getattr(self, name)[mask] for name in (*NAME, "newest", "day", "era", "back")}
        for name, of in (("bin", "used"), ("weight", "used"), *((one, f"{one}_used") for one in VOTERS)):
            columns[name] = getattr(self, name)[np.repeat(mask, getattr(self, of))]
            columns[of] = getattr(self, of)[mask]
        return Cells(**columns)

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the columns by name, to be stored."""
        return {f"{prefix}.{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of_arrays(cls, stored: Mapping[str, npt.NDArray[Any]], prefix: str, width: int, pops: int) -> Cells:
        """Return the cells that `arrays` gave; `width` bins and `pops` POP ids are known.

        Raises `ArraysError` naming the column that cannot be: nothing of it is used.
        """
        columns: dict[str, npt.NDArray[Any]] = {}
        for name, dtype in COLUMNS.items():
            column = stored.get(f"{prefix}.{name}")
            if column is None or column.dtype != dtype or column.ndim != 1:
                raise ArraysError(f"{prefix}.{name}: expected a column of {dtype}")
            columns[name] = column
        cells = cls(**columns)
        for name, is_sound in _soundness(cells, width, pops).items():
            if not is_sound:
                raise ArraysError(f"{prefix}.{name}: out of its bounds")
        return cells


COLUMNS: Final[dict[str, np.dtype[Any]]] = {
    "rung": np.dtype(np.uint8),
    "metric": np.dtype(np.uint8),
    "pop": np.dtype(np.uint16),
    "key": np.dtype(np.uint64),
    "newest": np.dtype(np.float64),
    "day": np.dtype(np.int32),
    "era": np.dtype(np.uint8),
    "back": np.dtype(np.uint8),
    "used": np.dtype(np.uint16),
    "bin": np.dtype(np.uint8),
    "weight": np.dtype(np.float32),
    "today_used": np.dtype(np.uint8),
    "today": np.dtype(np.uint32),
    "yesterday_used": np.dtype(np.uint8),
    "yesterday": np.dtype(np.uint32),
}
"""Types of the columns, in the order they are stored in."""


def _soundness(cells: Cells, width: int, pops: int) -> dict[str, bool]:
    size = len(cells)
    sound = {name: len(getattr(cells, name)) == size for name in (*NAME, "newest", "day", "era", "back")}
    sound["back"] &= int(cells.back.max(initial=0)) <= 1
    sound["pop"] &= int(cells.pop.max(initial=0)) < max(pops, 1) and (size == 0 or pops > 0)
    sound["newest"] &= bool(np.isfinite(cells.newest).all())
    sound["used"] = len(cells.used) == size and _sum(cells.used) == len(cells.bin)
    sound["bin"] = int(cells.bin.max(initial=0)) < width
    sound["weight"] = len(cells.weight) == len(cells.bin)
    sound["weight"] &= bool(((cells.weight > 0) & (cells.weight <= MAX_WEIGHT)).all())
    for name in VOTERS:
        used = getattr(cells, f"{name}_used")
        sound[f"{name}_used"] = len(used) == size and int(used.max(initial=0)) <= distinct.K
        sound[name] = _sum(used) == len(getattr(cells, name))
    return sound


def _sum(counts: npt.NDArray[Any]) -> int:
    return int(counts.sum(dtype=np.int64))


def hash_of(
    rung: npt.NDArray[np.uint8],
    metric: npt.NDArray[np.uint8],
    pop: npt.NDArray[np.uint16],
    key: npt.NDArray[np.uint64],
) -> npt.NDArray[np.uint64]:
    """Return the hash of names; the small parts are packed without loss before they are mixed in."""
    small = pop.astype(np.uint64) << np.uint64(16) | metric.astype(np.uint64) << np.uint64(8) | rung
    return mix64(mix64(key + np.uint64(0x9E3779B97F4A7C15)) ^ small)


def mix64(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return well-spread 64-bit numbers (the finaliser of splitmix64; Steele, Lea, Flood: OOPSLA 2014)."""
    mixed = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return mixed ^ mixed >> np.uint64(31)
