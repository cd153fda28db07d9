"""How much two places are alike as ends of a path: what decides which measurements speak for a pair.

A covariance of places: slowly falling functions of the distance at three reaches (a metropolitan region, a
country, a part of the world), and what machines of one cloud share. Only sums, products, quotients and
square roots, which round alike for one row and for many.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.features import Ends
from models.prior import EARTH_RADIUS_KM

EVERYWHERE: Final = 0.2
"""What any two places share: lets an end's own level be learned from all its pairs."""

REACHES: Final = ((0.3, 100.0), (1.2, 1200.0), (0.5, 2000.0))
"""Weight and reach in km of each part: weight / sqrt(1 + (distance / reach)^2)."""

SAME_CLOUD: Final = 0.1
"""Shared by all sites of one cloud: its own backbone carries the path."""

SAME_PROVIDER: Final = 0.2
PROVIDER_REACH_KM: Final = 1000.0
"""Shared by sites of one provider (or of none) near each other: weight / (1 + (distance / reach)^2)."""

Array = npt.NDArray[np.float64]


def affinity(here: Ends, there: Ends) -> Array:
    """Return the covariance of `n` and `m` places, `(n, m)`, without unit; NaN for a place without position.

    The distance is the chord through the Earth, for which these functions are positive definite.
    """
    square = np.zeros((len(here.unit), len(there.unit)))
    for axis in range(3):
        difference = here.unit[:, axis, None] - there.unit[None, :, axis]
        square += difference * difference
    square *= EARTH_RADIUS_KM**2
    alike = np.full(square.shape, EVERYWHERE)
    for weight, reach_km in REACHES:
        alike += weight / np.sqrt(1.0 + square * (1.0 / reach_km**2))
    same = here.provider[:, None] == there.provider[None, :]
    alike += same * (SAME_PROVIDER / (1.0 + square * (1.0 / PROVIDER_REACH_KM**2)))
    alike += (same & (here.provider != "")[:, None]) * SAME_CLOUD
    return alike
