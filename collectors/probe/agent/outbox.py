"""What waits to be reported. Pure: monotonic times are handed in, reports come out.

Bounded: while the server is away the oldest outcomes give way, since nobody needs them any more. A report
that got no answer is sent again as it was, under the same number, and only its ages have grown.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from collectors.probe.agent.report import Observed, Report
from collectors.probe.outcome import Outcome

MOST_WAITING: Final = 20_000
"""Some minutes of 500 checks every five seconds, a few megabytes; then the oldest give way, counted."""
MOST_AT_ONCE: Final = 500
"""Half of what a server takes: with their reasons about 100 kB, less than its usual limit of a body."""

_Noted = tuple[str, str, Outcome, float]


class Outbox:
    """Outcomes in, reports out; `run` names this life of the process."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._sequence = 1
        self._waiting: deque[_Noted] = deque(maxlen=MOST_WAITING)
        self._sent: tuple[_Noted, ...] | None = None
        self.dropped = 0
        """Outcomes that gave way."""

    def add(self, pop: str, address: str, outcome: Outcome, now: float) -> None:
        """Have an outcome reported."""
        self.dropped += len(self._waiting) == MOST_WAITING
        self._waiting.append((pop, address, outcome, now))

    def report(self, plan: str, now: float) -> Report:
        """Return the report to send: the one without an answer yet, or the next one; it may be empty."""
        if self._sent is None:
            count = min(len(self._waiting), MOST_AT_ONCE)
            self._sent = tuple(self._waiting.popleft() for _ in range(count))
        observed = (Observed(pop, address, outcome, now - at) for pop, address, outcome, at in self._sent)
        return Report(self._run, self._sequence, plan, tuple(observed))

    def answered(self) -> None:
        """The server has taken in the last report, or will never."""
        self._sent = None
        self._sequence += 1

    def forget(self) -> None:
        """Another plan holds: what was found by the one before says nothing any more."""
        self._waiting.clear()

    @property
    def has_more(self) -> bool:
        """Whether something waits besides the report that was sent."""
        return bool(self._waiting)
