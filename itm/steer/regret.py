"""What the POPs behind the first choice cost a row more than that: running in, the assignment's costs out.

The first choice is whoever the chain puts first, by whatever reason; nothing else is cheaper.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps.available import BEHIND
from itm.steer.steps.running import NO_POP, Running

TIE_MS: Final = 0.1
"""What any other POP costs more than the first choice: of equals that one is taken."""

ORDER_MS: Final = 5.0
"""What every step down in an order costs that is not by latency: price, position in a pool."""

MOST_ORDER_MS: Final = 100.0
POOL_MS: Final = 500.0
"""What a pool costs that the rule names later: it takes what would be overload, nothing before."""


def costs(
    running: Running, order: npt.NDArray[np.uint16]
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.float32]]:
    """Return (rows, k) POPs, padded with `NO_POP`, and the ms that each costs more than the first (else inf).

    `order` has the first POPs of the ranking. Who is out is no candidate, nor who is unavailable where the
    first choice is not.
    """
    if not order.shape[1]:
        return order, order.astype(np.float32)
    tier, rank, score = (
        np.take_along_axis(plane, order, axis=1).astype(np.float32)
        for plane in (running.tier, running.order, running.score)
    )
    slower = np.maximum(score - score[:, :1], 0) + np.float32(TIE_MS)
    steps = np.minimum(np.maximum(rank - rank[:, :1], 0) * ORDER_MS, MOST_ORDER_MS)
    behind = tier - tier[:, :1]
    cost = (slower + np.where(behind == 0, steps, 0) + np.where(behind > 0, POOL_MS, 0)).astype(np.float32)
    is_none = (tier == NOT_ALLOWED) | (behind >= BEHIND)
    cost[:, 0] = 0.0
    return np.where(is_none, NO_POP, order).astype(np.uint16), np.where(is_none, np.float32(np.inf), cost)
