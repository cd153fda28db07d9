"""`sticky`: leave the POP that is served only for a gain that is large and was seen twice."""

from __future__ import annotations

from typing import Final

import numpy as np

from itm.steer.steps.fastest import band
from itm.steer.steps.running import Facts, Running

GAIN_MS: Final = 10.0
GAIN_SHARE: Final = 0.15


def sticky(running: Running, facts: Facts) -> Running:
    """Put the served POP first unless another is better by max(10 ms, 15 %) in two successive builds.

    Cheaper is better too, where the chain counts money: that is no noise. A served POP that has left the
    best tier (not allowed any more, unavailable) is left at once. Rows that share are nobody's to keep.
    """
    best = running.best()
    rows = np.arange(len(best))
    served = facts.previous < running.tier.shape[1]  # neither nobody nor one that is gone
    previous = np.where(served, facts.previous, best)
    best_score = running.score[rows, best]
    own_score = running.score[rows, previous]
    same_tier = running.tier[rows, previous] == running.tier[rows, best]
    large = own_score - best_score > np.maximum(GAIN_MS, GAIN_SHARE * own_score)
    outside = ~band(running)[rows, previous]
    cheaper = facts.pops.cost[best] < facts.pops.cost[previous]
    leave = (large & outside | cheaper) & (facts.challenger == best)
    stay = served & same_tier & ~leave & ~running.share.any(axis=1)
    return running.but(first=np.where(stay, previous, running.first).astype(np.uint16), wanted=best)
