"""`cost`: of the POPs that are about as fast as the best, the cheaper ones first."""

from __future__ import annotations

import numpy as np

from itm.steer.steps.fastest import band, within
from itm.steer.steps.running import Facts, Running


def cost(running: Running, facts: Facts) -> Running:
    """Order the POPs within the trade by price, then by score; whoever is slower stands behind them.

    The trade is the service's word, or the band: what nobody notices is given away for nothing.
    """
    trade = facts.tuning.trade
    traded = band(running) if trade is None else within(running, trade.ms, trade.share)
    prices, level = np.unique(facts.pops.cost, return_inverse=True)
    order = np.where(traded, level.astype(np.uint16), np.uint16(len(prices)))
    ordered = running.but(order=order)
    return ordered.but(wanted=ordered.best())
