"""`fastest`: order by estimated round-trip time plus the POP's bias, with a band in which all are equal."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from itm.steer.steps.running import Facts, Running

BAND_MS: Final = 5.0
BAND_SHARE: Final = 0.10


def fastest(running: Running, facts: Facts) -> Running:
    """Score every POP in ms, to a tenth: what is finer is no reason to prefer anyone."""
    score = np.round(np.maximum(facts.estimate.rtt + facts.pops.bias_ms, 0), 1)
    scored = running.but(score=score.astype(np.float32))
    return scored.but(wanted=scored.best())


def band(running: Running) -> npt.NDArray[np.bool_]:
    """Return (rows, POPs): who counts as equal to the row's best (max of 5 ms and 10 %, steering.md 7.7)."""
    best = running.best()[:, None]
    top = np.take_along_axis(running.score, best, axis=1)
    tier = np.take_along_axis(running.tier, best, axis=1)
    equal: npt.NDArray[np.bool_] = (running.score <= top + np.maximum(BAND_MS, BAND_SHARE * top)) & (
        running.tier == tier
    )
    return equal
