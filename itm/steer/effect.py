"""How much worse the networks of a slice fare than all others: an estimate with a distribution-free interval.

A difference in differences: of every network the change from its own past to now, and of the changes the mean
over demand inside less that outside; what happened to everybody drops out. The slice was drawn by a hash, so
other draws of as many networks tell by how much chance alone makes the two means differ: the interval is of
the studentised permutation distribution, exact when a change does the same to everyone and right in the long
run when not (Chung and Romano, Annals of Statistics 41(2), 2013), however round trips spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

DRAWS: Final = 999
"""Other slices drawn: enough for an interval of 99.8 %."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect on the slice and its interval [`low`, `high`], in the unit of the changes.

    `inside` and `outside` say how many networks of equal demand would be as certain (Kish).
    """

    estimate: float
    low: float
    high: float
    inside: float
    outside: float


def effect(change: Floats, inside: npt.NDArray[np.bool_], weight: Floats, confidence: float) -> Effect | None:
    """Return the effect of being inside on the change; None with fewer than two networks on either side.

    `weight` is positive; `confidence` (0..1) that of the two-sided interval.
    """
    if min(int(inside.sum()), int((~inside).sum())) < 2:
        return None
    estimate, error = _difference(change, inside, weight)
    mean = [np.average(change[side], weights=weight[side]) for side in (~inside, inside)]
    left = change - np.where(inside, mean[1], mean[0])
    rng = np.random.default_rng(len(change))  # the same networks give the same interval
    spread = np.empty(DRAWS)
    for draw in range(DRAWS):
        other, own = _difference(left, rng.permutation(inside), weight)
        spread[draw] = abs(other) / own if own > 0 else 0.0
    far = float(np.quantile(spread, confidence, method="higher")) * error
    counts = (_kish(weight[side]) for side in (inside, ~inside))
    return Effect(estimate, estimate - far, estimate + far, *counts)


def _difference(change: Floats, inside: npt.NDArray[np.bool_], weight: Floats) -> tuple[float, float]:
    """Return the difference of the two weighted means, and its standard error."""
    means, variances = [], []
    for side in (inside, ~inside):
        own, part = change[side], weight[side] / weight[side].sum()
        mean = float((own * part).sum())
        means.append(mean)
        variances.append(float((part**2 * (own - mean) ** 2).sum()))
    return means[0] - means[1], float(np.sqrt(sum(variances)))


def _kish(weight: Floats) -> float:
    return float(weight.sum() ** 2 / (weight**2).sum())
