"""`available`: POPs that users of this row could not reach go behind all others, whatever their speed."""

from __future__ import annotations

from typing import Final

import numpy as np

from itm.steer.steps.running import Facts, Running

MIN_SAMPLES: Final = 20.0
"""Fetches below which a share says nothing, whatever a service states (C15's minimum)."""

BEHIND: Final = 100
"""Added to the tier: behind every pool of the rule, but not out: something must be answered."""


def available(running: Running, facts: Facts) -> Running:
    """Demote POPs whose measured availability is below the service's threshold, by enough fetches."""
    estimate, tuning = facts.estimate, facts.tuning
    with np.errstate(invalid="ignore"):
        poor = (estimate.availability < tuning.threshold) & (estimate.availability_n >= tuning.samples)
    demote = poor & ~running.is_out()
    return running.but(tier=np.where(demote, running.tier + np.uint8(BEHIND), running.tier).astype(np.uint8))
