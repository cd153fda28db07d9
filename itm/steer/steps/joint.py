"""`joint`: the way of a session is the client's leg plus the POP's to where the VDAs are.

A rendezvous is at the POP that the client chose, so the nearest POP of a client far from its VDA may send
every packet around the world (product.md 2; Footprint, NSDI 2016, chooses both ends together too).
"""

from __future__ import annotations

import numpy as np

from itm.steer.steps.running import Facts, Running


def joint(running: Running, facts: Facts) -> Running:
    """Add each POP's leg to the score, to a tenth of a ms, and keep who would be first without it."""
    score = np.round(running.score + facts.pops.leg_ms, 1).astype(np.float32)
    joined = running.but(score=score, nearest=running.best())
    return joined.but(wanted=joined.best())
