"""How good a choice of POP was: regret, and an interval around a comparison.

Regret is the round trip of the chosen POP less that of the best one, in ms. Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

RESAMPLES: Final = 2000

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """Of all clients and rounds. `error_ms`: mean absolute error, NaN for a choice without an estimate."""

    regret_ms: float
    regret_p90_ms: float
    regret_p99_ms: float
    within_10_ms: float  # share of clients
    within_25_ms: float
    error_ms: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio of two mean regrets with its 95 % interval."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scores:
    """One world: the score of each way to choose, and the model's regret over nearest's."""

    by_name: Mapping[str, Score]
    against_nearest: Interval
    clients: int
    worlds: int  # sets of servers
    rounds: int  # shuffles of the folds


def regret_ms(truth: Array, chosen: npt.NDArray[np.intp]) -> Array:
    """Return `(n,)` regrets of choosing column `chosen[i]` of row `i` of `(n, m)` true round trips."""
    taken = np.take_along_axis(truth, chosen[:, None], axis=1)[:, 0]
    return np.asarray(taken - truth.min(axis=1))


def score(regrets: Array, errors: Array) -> Score:
    """Return the score of all regrets (ms) and absolute errors (ms; may be empty)."""
    p90, p99 = np.percentile(regrets, [90, 99])
    return Score(
        regret_ms=float(regrets.mean()),
        regret_p90_ms=float(p90),
        regret_p99_ms=float(p99),
        within_10_ms=float((regrets <= 10).mean()),
        within_25_ms=float((regrets <= 25).mean()),
        error_ms=float(errors.mean()) if errors.size else float("nan"),
    )


def ratio_interval(model: Array, other: Array, cluster: npt.NDArray[np.int64], seed: int = 0) -> Interval:
    """Return the ratio of two mean regrets with its paired bootstrap interval (Efron 1979, percentiles).

    `model[i]` and `other[i]` belong to one client and one choice; whole clusters (the groups that leave
    training together) are drawn, because clients of one group are not independent.
    """
    _, index = np.unique(cluster, return_inverse=True)
    sums = np.stack([np.bincount(index, weights=regrets) for regrets in (model, other)])
    groups = sums.shape[1]
    draws = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), RESAMPLES)
    draws = np.concatenate([np.ones((1, groups)), draws])  # the first is the data as they are
    above, below = draws @ sums[0], draws @ sums[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.where(above == below, 1.0, above / below)  # both may be zero
    low, high = np.percentile(ratios[1:], [2.5, 97.5])
    return Interval(float(ratios[0]), float(low), float(high))
