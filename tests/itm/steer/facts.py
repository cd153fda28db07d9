"""Facts for steps, written as lists: one row per place, one column per POP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from itm.steer.estimate import from_prediction
from itm.steer.steps import NO_POP, Facts, PopFacts, RuleFacts, Terms

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
    none = np.zeros(p50.shape[1], dtype=np.float32)
    pops = PopFacts(none if bias is None else np.array(bias, dtype=np.float32), none, none)
    zero = np.zeros(p50.shape, dtype=np.float32)
    rules = RuleFacts(
        tiers=np.array(tiers if tiers is not None else zero, dtype=np.uint8),
        position=np.zeros(p50.shape, dtype=np.uint16),
        weight=zero + 1,
        handicap_ms=zero,
        handicap_share=zero,
        common=zero,
    )
    rule = np.arange(len(p50), dtype=np.uint8)
    at = (np.array(previous or nobody, dtype=np.uint16), np.array(challenger or nobody, dtype=np.uint16))
    return Terms(pops, rules).facts(estimate, rule, *at)
