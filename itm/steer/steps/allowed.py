"""`allowed`: only POPs that the row's rule names, in the order of the rule's pools."""

from __future__ import annotations

import numpy as np

from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps.running import Facts, Running


def allowed(running: Running, facts: Facts) -> Running:
    """Raise each POP's tier to its pool's position in the rule; what no pool names is out."""
    tier = np.where(facts.tiers == NOT_ALLOWED, NOT_ALLOWED, np.maximum(running.tier, facts.tiers))
    return running.but(tier=tier.astype(np.uint8))
