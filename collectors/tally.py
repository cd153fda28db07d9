"""How often each name has counted, by day: the memory behind the cap per client.

Immutable, vectorised and bounded. A name is a 64-bit number that includes its day; what is named, and what
the cap is for, is `guard.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Columns of one length, sorted by name: `count` records of `name` have counted on `day`."""

    name: npt.NDArray[np.uint64]
    count: npt.NDArray[np.uint16]
    day: npt.NDArray[np.int32]

    @classmethod
    def empty(cls) -> Tally:
        """Return the tally of nothing."""
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.uint16), np.zeros(0, np.int32))

    def counted(
        self, names: npt.NDArray[np.uint64], day: npt.NDArray[np.int32], cap: int
    ) -> tuple[npt.NDArray[np.int64], Tally]:
        """Return how many of each record's name came before it, and the tally after all of them.

        A name is counted no further than `cap`.
        """
        unique, first, which, times = np.unique(
            names, return_index=True, return_inverse=True, return_counts=True
        )
        at = np.searchsorted(self.name, unique)
        found = at < len(self.name)
        found[found] = self.name[at[found]] == unique[found]
        earlier = np.zeros(len(unique), np.int64)
        earlier[found] = self.count[at[found]]
        order = np.argsort(which, kind="stable")
        turn = np.empty(len(names), np.int64)
        turn[order] = np.arange(len(names)) - np.repeat(np.cumsum(times) - times, times)
        after = np.minimum(earlier + times, cap).astype(np.uint16)
        count = self.count.copy()
        count[at[found]] = after[found]
        new = ~found
        return earlier[which] + turn, Tally(
            np.insert(self.name, at[new], unique[new]),
            np.insert(count, at[new], after[new]),
            np.insert(self.day, at[new], day[first[new]]),
        )

    def until(self, day: int) -> Tally:
        """Return the tally without later days than this one, which only a clock that ran ahead has seen."""
        keep = self.day <= day
        return self if keep.all() else Tally(self.name[keep], self.count[keep], self.day[keep])

    def bounded(self, max_names: int) -> Tally:
        """Return the tally without days before yesterday and, beyond `max_names`, the smallest counts."""
        keep = self.day >= self.day.max(initial=0) - 1
        if int(keep.sum()) > max_names:
            order = np.argsort(np.where(keep, self.count.astype(np.int32), -1), kind="stable")
            keep = np.zeros(len(self.name), np.bool_)
            keep[order[len(order) - max_names * 9 // 10 :]] = True  # cut deeper than needed: a rare event
        return self if keep.all() else Tally(self.name[keep], self.count[keep], self.day[keep])
