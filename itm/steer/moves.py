"""When rows moved, from where, and how often they came back: what makes steering rest before the next move.

A row that moved rests: what its users measure right after is partly what the move itself did (steering.md
7.12: load changes the path it is put on). And a POP that was left is not gone back to for longer, each time
twice as long: failing back is slower than failing over, and what swings does so ever more slowly. A POP that
has to be left (gone, not allowed, unavailable, full) is left at once all the same.

Only rows that moved within a day are kept: few of many. Rows are known by their keys, POPs by index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.steer.steps import NO_POP, Rest

COOLDOWN_SECONDS: Final = 600.0
"""So long a row that moved stays where it is: TTL and push, and some minutes of new beacons."""

RETURN_SECONDS: Final = 3600.0
"""So long it does not go back to the POP that it left; after each return twice as long."""

MOST_SECONDS: Final = 43_200.0
"""The longest that any row waits: half a day, the half-life of what was measured."""

FORGET_SECONDS: Final = 86_400.0
"""A row that has not moved for so long begins anew."""

Keys = npt.NDArray[np.uint64]
Pops = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Sorted `key`; per key when it moved last (seconds since the epoch), the POP that it `left` then, and
    its `returns`: how often in a row it went back to where it came from.

    `now` is the moment of the build that reads them; 0: time is not known, and nobody rests.
    """

    key: Keys
    at: npt.NDArray[np.float64]
    left: Pops
    returns: npt.NDArray[np.uint8]
    now: float = 0.0

    @classmethod
    def nothing(cls) -> Moves:
        """Return the moves of a first start."""
        none = np.zeros(0, dtype=np.uint16)
        return cls(np.zeros(0, dtype=np.uint64), np.zeros(0), none, none.astype(np.uint8))

    @classmethod
    def of_arrays(cls, stored: Mapping[str, npt.NDArray[Any]], prefix: str) -> Moves:
        """Return what `arrays` gave; the release before kept none."""
        if f"{prefix}key" not in stored:
            return cls.nothing()
        key, at, left, returns = (stored[f"{prefix}{name}"] for name in _COLUMNS)
        return cls(key, at, left, returns, float(stored[f"{prefix}now"][0]))

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the moves as columns to store."""
        return {f"{prefix}{name}": getattr(self, name) for name in _COLUMNS} | {
            f"{prefix}now": np.array([self.now])
        }

    def rest(self, key: Keys) -> Rest | None:
        """Return who of rows with these keys rests now; None where nobody moved."""
        if not len(self.key) or not self.now:
            return None
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        ago = np.where(self.key[at] == key, np.maximum(self.now - self.at[at], 0), np.inf)
        wait = np.minimum(RETURN_SECONDS * 2.0 ** self.returns[at], MOST_SECONDS)
        return Rest(ago < COOLDOWN_SECONDS, np.where(ago < wait, self.left[at], np.uint16(NO_POP)))

    def after(self, key: Keys, previous: Pops, first: Pops) -> Moves:
        """Return the moves with those of the build of now, which gave rows with these keys `first`.

        Rows that were served nothing did not move.
        """
        if not self.now:
            return self
        now = self.now
        moved = np.flatnonzero((previous != NO_POP) & (first != NO_POP) & (previous != first))
        kept = (now - self.at < FORGET_SECONDS) & ~np.isin(self.key, key[moved])
        returns = np.zeros(len(moved), dtype=np.uint8)
        if len(self.key):
            at = np.minimum(np.searchsorted(self.key, key[moved]), len(self.key) - 1)
            known = (self.key[at] == key[moved]) & (now - self.at[at] < FORGET_SECONDS)
            back = known & (first[moved] == self.left[at])
            before = np.where(known, self.returns[at], np.uint8(0))
            returns = (before + (back & (before < np.iinfo(np.uint8).max))).astype(np.uint8)
        keys = np.concatenate([self.key[kept], key[moved]])
        order = np.argsort(keys, kind="stable")
        return Moves(
            keys[order],
            np.concatenate([self.at[kept], np.full(len(moved), now)])[order],
            np.concatenate([self.left[kept], previous[moved]])[order],
            np.concatenate([self.returns[kept], returns])[order],
            now,
        )

    def of_pops(self, translation: Pops) -> Moves:
        """Return the moves among other POPs: `translation` gives the new index of each."""
        return replace(self, left=translation[self.left])

    def read_at(self, now: float) -> Moves:
        """Return the same moves for a build at `now`."""
        return replace(self, now=now)


_COLUMNS: Final = ("key", "at", "left", "returns")
