"""Whether measurements still come in: without them decisions hold, then fade towards the prediction.

What was learned keeps its weight among what was learned at the same time, so that nothing moves at once;
with every half-life it counts half as much against the prediction. Told here; nothing is decided.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from collectors.aggregate import Aggregates

SILENT_SECONDS: Final = 3600.0
"""Without any measurement of anybody for so long: a server with few visitors has one an hour."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing was measured for `seconds`; what is known weighs `weight` (0..1) of what it did then."""

    seconds: float
    weight: float

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"nothing was measured for {self.seconds / 3600:.1f} h: what was learned before weighs "
            f"{self.weight:.0%} of what it did, and fades towards the prediction"
        )


class SilenceWatch:
    """Remembers when anything was measured last, also when nothing of it is left."""

    def __init__(self, half_life_seconds: float) -> None:
        self._half_life_seconds = half_life_seconds
        self._newest = -np.inf

    def look(self, aggregates: Aggregates) -> Silence | None:
        """Return the silence as of `aggregates`; None while somebody measures, or where nobody ever did."""
        if len(aggregates):
            self._newest = max(self._newest, aggregates.made_at - float(aggregates.age_seconds.min()))
        seconds = aggregates.made_at - self._newest
        if not SILENT_SECONDS <= seconds < np.inf:
            return None
        return Silence(seconds, 0.5 ** (seconds / self._half_life_seconds))

    def told(self, aggregates: Aggregates) -> dict[str, float] | None:
        """Return the same as JSON-ready data."""
        silence = self.look(aggregates)
        return asdict(silence) if silence is not None else None
