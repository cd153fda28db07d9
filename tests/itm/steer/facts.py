"""Facts for steps, written as lists: one row per place, one column per POP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from itm.steer.estimate import from_prediction
from itm.steer.steps import NO_POP, Facts

Rows = Sequence[Sequence[float]]


def facts(
    *rtt: Sequence[float],
    tiers: Rows | None = None,
    bias: Sequence[float] | None = None,
    previous: Sequence[int] | None = None,
    challenger: Sequence[int] | None = None,
    availability: Rows | None = None,
    availability_n: Rows | None = None,
) -> Facts:
    """Return facts with these estimates in ms; by default all POPs are allowed and nothing was served."""
    p50 = np.array(rtt, dtype=np.float32)
    estimate = from_prediction(p50 * np.float32(0.9), p50, p50 * np.float32(1.2))
    if availability is not None:
        estimate = replace(
            estimate,
            availability=np.array(availability, dtype=np.float32),
            availability_n=np.array(availability_n, dtype=np.float32),
        )
    nobody = [NO_POP] * len(p50)
    return Facts(
        estimate=estimate,
        tiers=np.array(tiers if tiers is not None else np.zeros(p50.shape), dtype=np.uint8),
        bias_ms=np.array(bias if bias is not None else np.zeros(p50.shape[1]), dtype=np.float32),
        previous=np.array(previous or nobody, dtype=np.uint16),
        challenger=np.array(challenger or nobody, dtype=np.uint16),
    )
