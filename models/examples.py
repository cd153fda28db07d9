"""What there is to learn from a training table: one row per known pair, both directions.

The same rows feed the model and the baselines, so that none of them sees more than another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.features import Ends, pair_features
from models.training import TrainingTable

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """`features` `(n, len(COLUMNS))`, `targets` `(n,)`: log(RTT / floor), never below zero."""

    features: Array
    targets: Array


def examples(
    table: TrainingTable, continents: Mapping[str, str], keep: npt.NDArray[np.bool_] | None = None
) -> Examples:
    """Return every known pair whose two ends are in `keep`, a mask of nodes (all of them by default)."""
    kept = np.flatnonzero(np.ones(len(table), np.bool_) if keep is None else keep)
    ends = Ends.of(table.sites, continents).take(kept)
    pairs = pair_features(ends, ends)
    rtt_ms = table.rtt_ms[np.ix_(kept, kept)].ravel()
    known = np.isfinite(rtt_ms)
    floor = pairs.floor.ravel()[known]
    # 0.12 % of the pairs beat the floor: one of their positions is wrong. They count as on the floor.
    return Examples(pairs.features[known], np.log(np.maximum(rtt_ms[known], floor) / floor))
