"""How one POP is checked: what an agent is told to do. A value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from collectors.probe.target import Target
from collectors.probe.threshold import Threshold

FRESH_INTERVALS: Final = 3
"""Checks that may be missing before an agent has no say: one lost report is no silence."""
REPORTING_SECONDS: Final = 5.0
"""How long an outcome may take from an agent to the server; a slower agent loses its vote, not its place."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """A target per address, the interval in seconds, thresholds, and how it starts: one of `STARTS`."""

    targets: tuple[Target, ...]
    interval_seconds: float
    threshold: Threshold
    start: str = "up"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that are checked."""
        return tuple(target.address for target in self.targets)

    @property
    def fresh_seconds(self) -> float:
        """How long an outcome counts: so many intervals, the time limit, and the way to the server."""
        longest = max(target.timeout_seconds for target in self.targets)
        return FRESH_INTERVALS * self.interval_seconds + longest + REPORTING_SECONDS
