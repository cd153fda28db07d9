"""Records and a clock for the tests of what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.gather import gather
from collectors.measurement import COARSE, METRICS, RECORD
from collectors.window import Windows

NOON = 1_700_049_600.0
"""12:00 UTC of some day."""

HOUR = 3600.0
DAY = 86_400.0


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


def observed(
    values: Sequence[float] | npt.NDArray[np.floating],
    *,
    metric: str = "rtt_ms",
    pop: str = "pop-a",
    unit: int | Sequence[int] = 0x850B00,
    client: int | Sequence[int] = 0,
    time: float | Sequence[float] = NOON,
    coarse: bool = False,
) -> npt.NDArray[np.void]:
    """Return one record for each value."""
    records = np.zeros(len(values), RECORD)
    records["value"] = values
    records["time"] = time
    records["unit"] = unit
    records["client"] = client
    records["family"] = 4
    records["metric"] = METRICS.index(metric)
    records["flags"] = COARSE if coarse else 0
    records["pop"] = pop.encode()
    return records


def add(windows: Windows, records: npt.NDArray[np.void], now: float, per_place: int = 256) -> int:
    """Count records in windows, with keys of `rungs`; return how many counted."""
    before = windows.counted
    windows.merge(gather(records, rungs(records, per_place), now, windows.half_life_seconds))
    return windows.counted - before


def rungs(records: npt.NDArray[np.void], per_place: int = 256) -> npt.NDArray[np.uint64]:
    """Return keys of seven rungs: a place of `per_place` networks, no known AS, one country."""
    keys = np.zeros((len(records), 7), np.uint64)
    keys[:, 0] = np.uint64(4 << 60) | records["unit"]
    keys[:, 1] = np.uint64(4 << 60 | 16 << 52) | records["unit"] >> np.uint64(8) << np.uint64(8)
    keys[:, 2] = 1 + records["unit"] // np.uint64(per_place)
    keys[:, 4] = 280
    keys[:, 5] = 9
    return keys
