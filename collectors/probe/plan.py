"""How one POP is checked: what an agent is told to do. A value."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.probe.target import Target
from collectors.probe.threshold import Threshold


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
