"""`sticky`: leave the POP that is served only for a gain that is certain, and was seen twice."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from itm.steer.steps.fastest import band, stretch
from itm.steer.steps.running import Facts, Running

GAIN_MS: Final = 10.0
GAIN_SHARE: Final = 0.15
"""A gain for which a POP is left that nobody has measured, or for another that nobody has."""

SURE_MS: Final = 2.0
SURE_SHARE: Final = 0.05
"""A gain for which it is left when both are measured, and the one is certainly better than the other."""


def sticky(running: Running, facts: Facts) -> Running:
    """Put the served POP first unless another is better by enough in two successive builds.

    What was measured moves nobody before it is certain: the intervals of the two POPs must lie apart. Cheaper
    is better too, where the chain counts money: that is no noise. A served POP that has left the best tier
    (not allowed any more, unavailable) or is full is left at once; a POP is wanted while it is full, too.
    Rows that share are nobody's to keep. One that moved of late rests, longer from where it came from.
    """
    best = running.best()
    rows = np.arange(len(best))
    served = facts.previous < running.tier.shape[1]  # neither nobody nor one that is gone
    previous = np.where(served, facts.previous, best)
    own_score = running.score[rows, previous]
    gain = own_score - running.score[rows, best]
    same_tier = running.tier[rows, previous] == running.tier[rows, best]
    large = gain > np.maximum(GAIN_MS, GAIN_SHARE * own_score)
    large &= ~band(running)[rows, previous]
    weight = facts.estimate.weight
    measured = weight[rows, previous] > 0, weight[rows, best] > 0
    sure = gain > np.maximum(SURE_MS, SURE_SHARE * own_score)
    enough = np.where(measured[0] & measured[1], sure, large)
    certain = is_certain(running, facts, previous, best) | ~(measured[0] | measured[1])
    cheaper = facts.pops.cost[best] < facts.pops.cost[previous]
    leave = (enough & certain | cheaper) & (facts.challenger == best)
    if facts.rest is not None:
        leave &= ~facts.rest.is_resting & (facts.rest.left != best)
    stay = served & same_tier & ~leave & ~running.share.any(axis=1) & ~running.full[rows, previous]
    first = np.where(stay, previous, running.first).astype(np.uint16)
    return running.but(first=first, wanted=running.unlimited().best())


def least_gain(best_ms: float, *measured: bool) -> float:
    """Return the gain in ms from which a POP is left for one that costs `best_ms`, both `measured` or not."""
    gain, share = (SURE_MS, SURE_SHARE) if all(measured) else (GAIN_MS, GAIN_SHARE)
    return max(gain, best_ms * share / (1 - share))


def is_certain(
    running: Running, facts: Facts, worse: npt.NDArray[np.uint16], better: npt.NDArray[np.uint16]
) -> npt.NDArray[np.bool_]:
    """Return per row whether the intervals of two POPs, each around its score, lie apart.

    Of what was measured alone an end fails with 5 % at most, whatever measurements are distributed like
    (`collectors/orderstatistics.py`). The intervals here are the estimates': those ends blended with what
    stood above (`itm.steer.estimate.refine`), the nearer to 5 % the more was measured, and no bound by proof.
    """
    rows, estimate = np.arange(len(worse)), facts.estimate
    down = (estimate.rtt - estimate.low)[rows, worse] * stretch(facts, worse)
    up = (estimate.high - estimate.rtt)[rows, better] * stretch(facts, better)
    least, most = running.score[rows, worse] - down, running.score[rows, better] + up
    apart: npt.NDArray[np.bool_] = least > most
    return apart
