"""Wrong tickets, counted per POP: over the limit they are refused as too many, and an alarm is raised.

Genuine tickets are not held up: `tickets.Sta.is_genuine` tells a guess from a ticket without a look-up,
so a flood of guesses at one POP costs its own users nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

LIMIT: Final = 60
WINDOW_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


class Guesses:
    """Counts in windows of a minute per POP; only enrolled POPs ask, so the table stays small."""

    def __init__(self, clock: Callable[[], float], limit: int = LIMIT) -> None:
        self.wrong = 0
        self.alarms = 0
        self._clock = clock
        self._limit = limit
        self._windows: dict[str, tuple[float, int]] = {}

    def add(self, pop: str) -> bool:
        """Count a wrong ticket; returns whether the POP is over its limit. Alarms once per window."""
        now = self._clock()
        begin, count = self._windows.get(pop, (now, 0))
        if now - begin >= WINDOW_SECONDS:
            begin, count = now, 0
        count += 1
        self._windows[pop] = (begin, count)
        self.wrong += 1
        if count == self._limit + 1:
            self.alarms += 1
            log.warning(
                "tickets.guessed", extra={"pop": pop, "in_seconds": now - begin, "limit": self._limit}
            )
        return count > self._limit
