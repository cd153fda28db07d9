"""Facts for steps, written as lists: one row per place, one column per POP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from itm.catalog.types import UNTUNED, Tuning
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
    cost: Sequence[float] | None = None,
    leg: Sequence[float] | None = None,
    tuning: Tuning = UNTUNED,
    **of_rules: Rows,
) -> Facts:
    """Return facts with these estimates in ms; by default all POPs are allowed and nothing was served.

    `of_rules` are fields of `RuleFacts`: every row has a rule of its own.
    """
    p50 = np.array(rtt, dtype=np.float32)
    estimate = from_prediction(p50 * np.float32(0.9), p50, p50 * np.float32(1.2))
    if availability is not None:
        estimate = replace(
            estimate,
            availability=np.array(availability, dtype=np.float32),
            availability_n=np.array(availability_n, dtype=np.float32),
        )
    nobody = [NO_POP] * len(p50)
    bias_ms, price, leg_ms = (
        np.array(own if own is not None else np.zeros(p50.shape[1]), dtype=np.float32)
        for own in (bias, cost, leg)
    )
    zero = np.zeros(p50.shape, dtype=np.float32)
    rules = RuleFacts(
        tiers=np.array(tiers if tiers is not None else zero, dtype=np.uint8),
        position=np.array(of_rules.get("position", zero), dtype=np.uint16),
        weight=np.array(of_rules.get("weight", zero + 1), dtype=np.float32),
        handicap_ms=np.array(of_rules.get("handicap_ms", zero), dtype=np.float32),
        handicap_share=np.array(of_rules.get("handicap_share", zero), dtype=np.float32),
        common=zero,
    )
    rule = np.arange(len(p50), dtype=np.uint8)
    at = (np.array(previous or nobody, dtype=np.uint16), np.array(challenger or nobody, dtype=np.uint16))
    return Terms(PopFacts(bias_ms, price, leg_ms), rules, tuning).facts(
        estimate, rule, *at, np.arange(len(p50), dtype=np.uint64)
    )
