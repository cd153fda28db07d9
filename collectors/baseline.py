"""What is usual: a slow memory of one value per name and day, beside which a drift shows.

The mean of logarithms over the first fortnight, exponentially aged from then on: a value that moves by one
per cent a day ends up 15 % away from it. Immutable, vectorised, bounded. Names are 64-bit numbers; what they
name and what a drift means is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

DAYS: Final = 14
"""The time of memory: a day weighs a fourteenth, once there are so many."""

MIN_DAYS: Final = 5
"""Days from which a baseline says what is usual."""

KEEP_DAYS: Final = 30
"""A name not heard of for so long is forgotten."""

Names = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Baselines:
    """Columns of one length, sorted by name: logarithm of the usual value, days in it, the last of them."""

    name: Names
    usual: Floats
    days: npt.NDArray[np.uint16]
    day: npt.NDArray[np.int32]

    @classmethod
    def empty(cls) -> Baselines:
        """Return the baselines of nothing."""
        return cls(
            np.zeros(0, np.uint64), np.zeros(0, np.float32), np.zeros(0, np.uint16), np.zeros(0, np.int32)
        )

    def of(self, names: Names) -> Floats:
        """Return the usual value of each name, NaN where it is not known for `MIN_DAYS`."""
        out = np.full(len(names), np.nan, np.float32)
        at, known = self._find(names)
        known &= self.days[at] >= MIN_DAYS if len(self.name) else known
        out[known] = np.exp(self.usual[at[known]])
        return out

    def after(self, names: Names, values: Floats, day: int, max_names: int) -> Baselines:
        """Return the baselines after a day with these values (above 0; names are unique), at most so many.

        Each name learns once a day; beyond `max_names` the ones known for the fewest days are let go.
        """
        at, known = self._find(names)
        usual, days, last = self.usual.copy(), self.days.copy(), self.day.copy()
        learns = known.copy()
        learns[known] = last[at[known]] < day
        rows = at[learns]
        share = 1 / np.minimum(days[rows].astype(np.float32) + 1, DAYS)
        usual[rows] += share * (np.log(values[learns]) - usual[rows])
        days[rows] = np.minimum(days[rows] + 1, np.iinfo(np.uint16).max)
        last[rows] = day
        new = ~known
        joined = Baselines(
            np.concatenate([self.name, names[new]]),
            np.concatenate([usual, np.log(values[new]).astype(np.float32)]),
            np.concatenate([days, np.ones(int(new.sum()), np.uint16)]),
            np.concatenate([last, np.full(int(new.sum()), day, np.int32)]),
        )
        kept = np.flatnonzero(joined.day > day - KEEP_DAYS)
        kept = kept[np.argsort(joined.days[kept], kind="stable")][-max_names:]
        return joined._take(kept[np.argsort(joined.name[kept])])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns by name, to be stored."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of_arrays(cls, stored: Mapping[str, npt.NDArray[Any]]) -> Baselines:
        """Return the baselines that `arrays` gave. Raises `KeyError` for arrays of another origin."""
        return cls(stored["name"], stored["usual"], stored["days"], stored["day"])

    def _take(self, rows: npt.NDArray[np.intp]) -> Baselines:
        return Baselines(self.name[rows], self.usual[rows], self.days[rows], self.day[rows])

    def _find(self, names: Names) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        if not len(self.name):
            return np.zeros(len(names), np.intp), np.zeros(len(names), np.bool_)
        at = np.minimum(np.searchsorted(self.name, names), len(self.name) - 1)
        return at, self.name[at] == names
