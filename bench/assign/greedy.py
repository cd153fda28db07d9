"""The peer: every network gets the nearest POP that has room, the largest networks first."""

from __future__ import annotations

import numpy as np

from bench.assign.world import Asked
from itm.steer.assign import HARD, Floats


def greedy(asked: Asked) -> Floats:
    """Return (networks, k) shares: a network goes where it fits, or else where most room is left."""
    near = asked.near
    left = HARD * asked.room
    share = np.zeros(near.pop.shape)
    for row in np.argsort(-near.demand, kind="stable"):
        own = near.pop[row]
        fits = left[own] >= near.demand[row]
        best = int(np.argmax(fits)) if fits.any() else int(np.argmax(left[own]))
        share[row, best] = 1.0
        left[own[best]] -= near.demand[row]
    return share
