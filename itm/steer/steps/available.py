"""`available`: POPs that users of this row could not reach go behind all others, whatever their speed."""

from __future__ import annotations

from typing import Final

import numpy as np

from itm.steer.steps.running import Facts, Running

THRESHOLD: Final = 0.8
"""Least share of successful fetches (Citrix ITM's default, product.md 1.3)."""

MIN_SAMPLES: Final = 20.0
"""Fetches below which the share says nothing (C15's minimum)."""

BEHIND: Final = 100
"""Added to the tier: behind every pool of the rule, but not out: something must be answered."""


def available(running: Running, facts: Facts) -> Running:
    """Demote POPs whose measured availability is below the threshold."""
    estimate = facts.estimate
    with np.errstate(invalid="ignore"):
        poor = (estimate.availability < THRESHOLD) & (estimate.availability_n >= MIN_SAMPLES)
    demote = poor & ~running.is_out()
    return running.but(tier=np.where(demote, running.tier + np.uint8(BEHIND), running.tier).astype(np.uint8))
