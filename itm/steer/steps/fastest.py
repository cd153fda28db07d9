"""`fastest`: order by estimated round trip, unsteadiness, handicap and bias; and who is equal to the best."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from itm.steer.steps.running import Facts, Running

BAND_MS: Final = 5.0
BAND_SHARE: Final = 0.10


def fastest(running: Running, facts: Facts) -> Running:
    """Score every POP in ms, to a tenth: what is finer is no reason to prefer anyone.

    A handicap is the service's, in ms or as a share of the round trip, and may differ from rule to rule
    (Citrix ITM's padding); a bias is the POP's own, for all services.
    """
    rules, rtt = facts.terms.rules, facts.estimate.rtt + facts.estimate.unsteady_ms
    if rules.handicap_share.any() or rules.handicap_ms.any():
        rtt = rtt + handicap_ms(facts)
    score = np.round(np.maximum(rtt + facts.pops.bias_ms, 0), 1)
    scored = running.but(score=score.astype(np.float32))
    return scored.but(wanted=scored.best())


def handicap_ms(facts: Facts) -> npt.NDArray[np.float32]:
    """Return (rows, POPs): what the service adds to each round trip with what it is unsteady by, in ms."""
    rules, rule, estimate = facts.terms.rules, facts.rule, facts.estimate
    added: npt.NDArray[np.float32] = (estimate.rtt + estimate.unsteady_ms) * rules.handicap_share[rule]
    return added + rules.handicap_ms[rule]


def stretch(facts: Facts, pop: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """Return per row by what the service multiplies the round trip to its `pop`, and so its interval."""
    factor: npt.NDArray[np.float32] = 1 + facts.terms.rules.handicap_share[facts.rule, pop]
    return factor


def band(running: Running) -> npt.NDArray[np.bool_]:
    """Return (rows, POPs): who counts as equal to the row's best (max of 5 ms and 10 %, steering.md 7.7).

    To `cost` and `weighted`; and to `sticky`, where nobody measured one of the two POPs.
    """
    return within(running, BAND_MS, BAND_SHARE)


def within(running: Running, ms: float, share: float) -> npt.NDArray[np.bool_]:
    """Return (rows, POPs): who stands level with the row's best and is no more than the larger slower."""
    best = running.best()[:, None]
    top = np.take_along_axis(running.score, best, axis=1)
    tier = np.take_along_axis(running.tier, best, axis=1)
    order = np.take_along_axis(running.order, best, axis=1)
    level = (running.tier == tier) & (running.order == order)
    near: npt.NDArray[np.bool_] = level & (running.score <= top + np.maximum(ms, share * top))
    return near
