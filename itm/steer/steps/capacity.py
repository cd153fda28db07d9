"""`capacity`: only the POPs that the assignment granted come first; what is full stands behind them.

What is granted was decided for all rows of all classes at once (`itm.steer.grants`), after their chains ran
as if there were no limits; most rows have their first choice, and nothing is granted to them.
"""

from __future__ import annotations

import numpy as np

from itm.steer.steps.running import Facts, Running


def capacity(running: Running, facts: Facts) -> Running:
    """Put what was not granted behind, share answers among several granted ones, and put a spare second."""
    if facts.granted is None:
        return running
    share = facts.granted.share
    is_limited = share.any(axis=1, keepdims=True)
    is_split = (share > 0).sum(axis=1, keepdims=True) > 1
    return running.but(
        full=is_limited & (share == 0),
        share=np.where(is_split, share, running.share).astype(np.float32),
        spare=facts.granted.spare,
    )
