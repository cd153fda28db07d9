"""What there is to learn for a model of rows: one row per known pair, both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.features import Ends, pair_features

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """`features` `(n, len(COLUMNS))`, `targets` `(n,)`: log(RTT / floor), never below zero."""

    features: Array
    targets: Array


def examples(ends: Ends, rtt_ms: Array) -> Examples:
    """Return every known pair of the ends; `rtt_ms` is `(n, n)`, NaN where nobody measured."""
    pairs = pair_features(ends, ends)
    known = np.isfinite(rtt_ms).ravel()
    floor = pairs.floor.ravel()[known]
    # A pair that beats the floor has a wrong position: it counts as on the floor.
    return Examples(pairs.features[known], np.log(np.maximum(rtt_ms.ravel()[known], floor) / floor))
