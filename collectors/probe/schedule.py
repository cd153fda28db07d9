"""When each target is checked next: jittered, spread over the interval, never in step.

Pure: times are handed in, the random source is an argument. A target is checked about every
`interval` seconds; +-10 % jitter keeps many targets, and many servers, from checking in one burst.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping
from typing import Final

JITTER: Final = 0.1


class ProbeSchedule:
    """A due time per key. `rng` shapes jitter only, so a seeded one makes the schedule repeatable."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._intervals: dict[str, float] = {}
        self._due: list[tuple[float, str]] = []

    def replace(self, intervals: Mapping[str, float], now: float) -> None:
        """Set the keys and their intervals (seconds).

        A key that stays with its interval keeps its due time; a new one is first due somewhere
        within its own interval, so that a fresh start does not check everything at once.
        """
        kept = [(at, key) for at, key in self._due if intervals.get(key) == self._intervals.get(key)]
        known = {key for _, key in kept}
        fresh = [
            (now + interval * self._rng.random(), key)
            for key, interval in intervals.items()
            if key not in known
        ]
        self._intervals = dict(intervals)
        self._due = kept + fresh
        heapq.heapify(self._due)

    def take_due(self, now: float) -> tuple[str, ...]:
        """Return the keys due at `now`, and put each one interval (with jitter) further on."""
        taken: list[str] = []
        while self._due and self._due[0][0] <= now:
            _, key = heapq.heappop(self._due)
            taken.append(key)
        for key in taken:
            spread = 1 + JITTER * (2 * self._rng.random() - 1)
            heapq.heappush(self._due, (now + self._intervals[key] * spread, key))
        return tuple(taken)

    def next_due(self) -> float | None:
        """Return the time of the next check, or None when there is nothing to check."""
        return self._due[0][0] if self._due else None
