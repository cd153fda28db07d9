"""What POPs see themselves: the least round trip of real sessions, per network or place and POP.

A POP measures the round trips of its sessions in its own kernel (TCP_INFO), which no client can make shorter.
The least of them is remembered; each session heard after it raises it by half a percent, so that a path that
became longer is learned. Immutable, vectorised, bounded. A name is a 64-bit number; what is named is
`guard.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

RISE: Final = 1.005
"""A floor rises by this with each session: doubled after 140 sessions that all are slower."""

KEEP_DAYS: Final = 2

Names = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class SessionFloors:
    """Columns of one length, sorted by name: the least RTT in ms, of how many sessions, last heard when."""

    name: Names
    low: npt.NDArray[np.float32]
    count: npt.NDArray[np.uint32]
    day: npt.NDArray[np.int32]

    @classmethod
    def empty(cls) -> SessionFloors:
        """Return the floors of nothing."""
        return cls(
            np.zeros(0, np.uint64), np.zeros(0, np.float32), np.zeros(0, np.uint32), np.zeros(0, np.int32)
        )

    def heard(
        self, names: Names, values: npt.NDArray[np.floating], day: npt.NDArray[np.int32]
    ) -> SessionFloors:
        """Return the floors after these sessions (round trips in ms, days since the epoch)."""
        if not len(names):
            return self
        unique, which, times = np.unique(names, return_inverse=True, return_counts=True)
        least = np.full(len(unique), np.inf)
        np.minimum.at(least, which, values)
        newest = np.zeros(len(unique), np.int32)
        np.maximum.at(newest, which, day)
        known = np.concatenate([self.name, unique])
        low = np.concatenate([self.low * self._rise(unique, times), least])
        count = np.concatenate([self.count, times])
        order = np.argsort(known, kind="stable")
        known, starts = np.unique(known[order], return_index=True)
        return SessionFloors(
            known,
            np.minimum.reduceat(low[order], starts).astype(np.float32),
            np.add.reduceat(count[order], starts).astype(np.uint32),
            np.maximum.reduceat(np.concatenate([self.day, newest])[order], starts),
        )

    def of(self, names: Names, least: int) -> npt.NDArray[np.float32]:
        """Return the floor of each name in ms; 0 where fewer than `least` sessions were heard."""
        floor = np.zeros(len(names), np.float32)
        if len(self.name):
            at = np.minimum(np.searchsorted(self.name, names), len(self.name) - 1)
            known = (self.name[at] == names) & (self.count[at] >= least)
            floor[known] = self.low[at[known]]
        return floor

    def until(self, day: int) -> SessionFloors:
        """Return the floors without those of later days, which only a clock that ran ahead has seen."""
        keep = self.day <= day
        return self if keep.all() else SessionFloors(*(getattr(self, n)[keep] for n in self.__slots__))

    def bounded(self, max_names: int) -> SessionFloors:
        """Return the floors heard of lately; beyond `max_names` those of the most sessions."""
        keep = self.day >= self.day.max(initial=0) - KEEP_DAYS
        if int(keep.sum()) > max_names:
            order = np.argsort(np.where(keep, self.count.astype(np.int64), -1), kind="stable")
            keep = np.zeros(len(self.name), np.bool_)
            keep[order[len(order) - max_names * 9 // 10 :]] = True
        return self if keep.all() else SessionFloors(*(getattr(self, n)[keep] for n in self.__slots__))

    def _rise(self, names: Names, times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return what each known floor rises by when these names were heard so often."""
        rise = np.ones(len(self.name))
        at = np.searchsorted(self.name, names)
        found = at < len(self.name)
        found[found] = self.name[at[found]] == names[found]
        rise[at[found]] = RISE ** np.minimum(times[found], 1000)
        return rise
