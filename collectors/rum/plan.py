"""The session plan: which POPs one page view measures.

After Calder et al. (IMC 2015): the POP in use, the predicted best, and two drawn from the ten predicted to be
closest, so that exploring never touches real traffic. Drawn by the chance that they are really the better
ones, which grows with nearness and with the predictor's uncertainty. Knows predictions, not their origin.
"""

from __future__ import annotations

import math
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

TOP: Final = 10
"""Candidates beyond the ten closest are not worth a probe (IMC 2015, figure 1: five nearly suffice)."""

LEAST_CHANCE: Final = 0.02
"""Even a candidate that the predictor rules out is tried at times: the predictor may be wrong."""


class Random(Protocol):
    """What we need of randomness: `random.Random` and numpy's `Generator` both have it."""

    def random(self) -> float:
        """Return a number in [0, 1)."""


def choose_session(
    current: int,
    best: int,
    predicted_ms: npt.NDArray[np.floating],
    spread_ms: npt.NDArray[np.floating],
    rng: Random,
    count: int = 4,
) -> tuple[int, ...]:
    """Return at most `count` POP indices: `current`, `best` (either < 0: none), then the drawn ones.

    `predicted_ms` and `spread_ms` (the interval's width) have one value per POP; NaN predictions (a place
    nobody knows) are all alike, and come after known ones.
    """
    chosen = list(dict.fromkeys(pop for pop in (current, best) if pop >= 0))[:count]
    known = np.where(np.isnan(predicted_ms), np.inf, predicted_ms)
    closest = [int(pop) for pop in np.argsort(known, kind="stable")]
    if not np.isfinite(known).any():  # nothing to rank by: all may be drawn
        candidates = [pop for pop in closest if pop not in chosen]
    else:
        candidates = [pop for pop in closest[:TOP] if pop not in chosen]
    chances = _chances(known[candidates], np.nan_to_num(spread_ms[candidates]), known.min(initial=np.inf))
    # Weighted draw without replacement: the largest of u^(1/weight) (Efraimidis, Spirakis 2006).
    keys = [math.log(1 - rng.random()) / chance for chance in chances]
    drawn = sorted(range(len(candidates)), key=lambda i: -keys[i])
    return tuple(chosen + [candidates[i] for i in drawn[: count - len(chosen)]])


def _chances(
    predicted_ms: npt.NDArray[np.floating], spread_ms: npt.NDArray[np.floating], best_ms: float
) -> list[float]:
    """Return each one's chance to beat the best, were both normal with an interquartile range of `spread`."""
    chances = []
    for predicted, spread in zip(predicted_ms, spread_ms, strict=True):
        if not math.isfinite(predicted):
            chances.append(0.5 if not math.isfinite(best_ms) else LEAST_CHANCE)
            continue
        sigma = max(float(spread) / 1.349, 0.1)  # 1.349 standard deviations lie between a normal's quartiles
        chance = 0.5 * math.erfc(float(predicted - best_ms) / (2 * sigma))  # sigma of a difference: sqrt(2)
        chances.append(max(chance, LEAST_CHANCE))
    return chances
