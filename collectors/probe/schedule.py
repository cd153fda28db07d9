"""When each target is checked next: jittered, spread over the interval, never in step.

Pure: times are handed in, the random source is an argument. A target is checked about every
`interval` seconds; +-10 % jitter keeps many targets, and many servers, from checking in one burst.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Hashable, Mapping
from itertools import count
from typing import Final, Generic, TypeVar

JITTER: Final = 0.1

Key = TypeVar("Key", bound=Hashable)


class ProbeSchedule(Generic[Key]):
    """A due time per key. `rng` shapes jitter only, so a seeded one makes the schedule repeatable."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._intervals: dict[Key, float] = {}
        self._turn = count()  # orders keys that are due at the same time
        self._due: list[tuple[float, int, Key]] = []

    def replace(self, intervals: Mapping[Key, float], now: float) -> None:
        """Set the keys and their intervals (seconds).

        A key that stays with its interval keeps its due time; a new one is first due somewhere
        within its own interval, so that a fresh start does not check everything at once.
        """
        kept = [due for due in self._due if intervals.get(due[2]) == self._intervals.get(due[2])]
        known = {key for _, _, key in kept}
        fresh = [
            (now + interval * self._rng.random(), next(self._turn), key)
            for key, interval in intervals.items()
            if key not in known
        ]
        self._intervals = dict(intervals)
        self._due = kept + fresh
        heapq.heapify(self._due)

    def take_due(self, now: float) -> tuple[Key, ...]:
        """Return the keys due at `now`, and put each one interval (with jitter) further on."""
        taken: list[Key] = []
        while self._due and self._due[0][0] <= now:
            _, _, key = heapq.heappop(self._due)
            taken.append(key)
        for key in taken:
            spread = 1 + JITTER * (2 * self._rng.random() - 1)
            heapq.heappush(self._due, (now + self._intervals[key] * spread, next(self._turn), key))
        return tuple(taken)

    def next_due(self) -> float | None:
        """Return the time of the next check, or None when there is nothing to check."""
        return self._due[0][0] if self._due else None
