"""`weighted`: those who are equal share the answers, by the weights of their pool's values."""

from __future__ import annotations

import numpy as np

from itm.steer.steps.fastest import band
from itm.steer.steps.running import Facts, Running


def weighted(running: Running, facts: Facts) -> Running:
    """Share each row's answers among its band, evenly where no weights are written.

    Behind `fastest` the band is who is about as fast, without it the whole first pool. Whoever was served
    and shares stays first: among equals a change of order is no move.
    """
    equal = band(running) & ~running.is_out() & ~running.full
    equal &= (equal.sum(axis=1) > 1)[:, None]
    weight = np.where(equal, facts.terms.rules.weight[facts.rule], 0)
    share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
    rows, pops = np.arange(len(equal)), equal.shape[1]
    previous = np.where(facts.previous < pops, facts.previous, 0)
    stays = (facts.previous < pops) & equal[rows, previous]
    first = np.where(stays, previous, running.first)
    return running.but(share=share.astype(np.float32), first=first.astype(np.uint16))
