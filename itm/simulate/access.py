"""The last mile that recorded data-centre round trips lack: noise by access type, and loss.

Spreads (p90 - p10 within a series) and loss are those measured on home probes and phones, as credited
in data/README.md; an exponential excess has p90 - p10 = scale x ln 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

SPREAD_MS: Final = {"home": 2.9, "wifi": 2.3, "lte": 13.5, "satellite": 21.8}
SHARE: Final = {"home": 0.40, "wifi": 0.40, "lte": 0.18, "satellite": 0.02}
"""Our own mix of users; the spreads are measured, the mix is not."""

LOSS: Final = 0.022


@dataclass(frozen=True, slots=True)
class Access:
    """How one client's measurements scatter: `scale_ms` of the exponential excess over the recorded RTT."""

    kind: str
    scale_ms: float

    def observe(self, rtt_ms: float, rng: np.random.Generator) -> float | None:
        """Return one measured RTT in ms, None for a fetch that failed."""
        if rng.random() < LOSS:
            return None
        return rtt_ms + float(rng.exponential(self.scale_ms))


def access_of(rng: np.random.Generator) -> Access:
    """Draw one client's access."""
    kind = str(rng.choice(list(SHARE), p=list(SHARE.values())))
    return Access(kind, SPREAD_MS[kind] / math.log(9))
