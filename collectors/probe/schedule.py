"""When each target is checked next: jittered, spread over the interval, sooner while something is unclear.

Pure: times are handed in, the random source is an argument. A target is checked about every
`interval` seconds; +-10 % jitter keeps many targets, and many servers, from checking in one burst.
A target that is `hasten`ed is looked at again after a fifth of that.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Hashable, Mapping
from itertools import count
from typing import Final, Generic, TypeVar

JITTER: Final = 0.1
HASTE: Final = 5
"""How many times sooner a hastened check comes: 1 s in place of 5."""

Key = TypeVar("Key", bound=Hashable)


class ProbeSchedule(Generic[Key]):
    """A due time per key. `rng` shapes jitter only, so a seeded one makes the schedule repeatable.

    The heap may hold entries that a later one of their key replaced; `_entries` says which one counts.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._intervals: dict[Key, float] = {}
        self._turn = count()  # orders keys that are due at the same time
        self._entries: dict[Key, tuple[float, int, Key]] = {}
        self._heap: list[tuple[float, int, Key]] = []

    def replace(self, intervals: Mapping[Key, float], now: float) -> None:
        """Set the keys and their intervals (seconds).

        A key that stays with its interval keeps its due time; a new one is first due somewhere
        within its own interval, so that a fresh start does not check everything at once.
        """
        before, self._intervals = self._intervals, dict(intervals)
        kept = {key: due for key, due in self._entries.items() if intervals.get(key) == before.get(key, -1.0)}
        self._entries, self._heap = kept, list(kept.values())
        heapq.heapify(self._heap)
        for key, interval in intervals.items():
            if key not in kept:
                self._put(key, now + interval * self._rng.random())

    def take_due(self, now: float) -> tuple[Key, ...]:
        """Return the keys due at `now`, and put each one interval (with jitter) further on."""
        taken: list[Key] = []
        while (due := self.next_due()) is not None and due <= now:
            taken.append(heapq.heappop(self._heap)[2])
            del self._entries[taken[-1]]
        for key in taken:
            self._put(key, now + self._intervals[key] * self._spread())
        return tuple(taken)

    def hasten(self, key: Key, now: float) -> None:
        """Have a key checked again soon; one that left, or is due sooner, stays as it is."""
        if key in self._entries:
            soon = now + self._intervals[key] / HASTE * self._spread()
            if soon < self._entries[key][0]:
                self._put(key, soon)

    def next_due(self) -> float | None:
        """Return the time of the next check, or None when there is nothing to check."""
        while self._heap and self._entries.get(self._heap[0][2]) != self._heap[0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _put(self, key: Key, at: float) -> None:
        self._entries[key] = (at, next(self._turn), key)
        heapq.heappush(self._heap, self._entries[key])

    def _spread(self) -> float:
        return 1 + JITTER * (2 * self._rng.random() - 1)
