"""An operator's own step: its change, made by a process of its own and checked, applied to the running."""

from __future__ import annotations

import numpy as np

from itm.steer.classes import NOT_ALLOWED
from itm.steer.outcome import Change
from itm.steer.steps.running import Running


def own(running: Running, change: Change) -> Running:
    """Add to scores and drop POPs; whoever is out stays out."""
    score = np.round(np.maximum(running.score + change.add_ms, 0), 1).astype(np.float32)
    tier = np.where(change.drop, np.uint8(NOT_ALLOWED), running.tier)
    changed = running.but(score=score, tier=tier)
    return changed.but(wanted=changed.best())
