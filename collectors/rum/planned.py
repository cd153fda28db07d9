"""What was planned lately: counted as if it were measured, until the next table can know.

Between two builds hundreds of sessions are planned; without this count all would fill the same cells. Two
generations of counts: the older one is forgotten when the younger is `seconds` old, or full. A probe that was
planned and never reported so makes its cell look known for twice that long at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MOST_CELLS: Final = 100_000
"""Of one generation: some 15 MB."""


class PlannedProbes:
    """Counts probes per (key, POP). A key is a number that the caller gives to a network or a place."""

    def __init__(self, seconds: float, most_cells: int = MOST_CELLS) -> None:
        self._seconds = seconds
        self._most = most_cells
        self._began = 0.0
        self._young: dict[tuple[int, str], int] = {}
        self._old: dict[tuple[int, str], int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def count(self, key: int, pop: str) -> int:
        """Return how often a POP was planned for that key lately."""
        cell = (key, pop)
        return self._young.get(cell, 0) + self._old.get(cell, 0)

    def add(self, keys: Iterable[int], pops: Iterable[str], now: float) -> None:
        """Count one probe of each POP, for each key; `now` in seconds."""
        if not 0 <= now - self._began < self._seconds or len(self._young) >= self._most:
            lapsed = now - self._began
            self._old = self._young if 0 <= lapsed < 2 * self._seconds else {}
            self._young, self._began = {}, now
        planned = tuple(pops)
        for key in keys:
            for pop in planned:
                self._young[key, pop] = self._young.get((key, pop), 0) + 1
