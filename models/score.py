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

HARM_MS: Final = 5.0
"""Who is served later than by the nearest POP by more than this is worse off with the model."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """Of all clients and rounds. `error_ms`: mean absolute error, NaN for a choice without an estimate.

    `harmed` is the share of clients that the nearest POP would serve faster by more than 5 ms.
    """

    regret_ms: float
    regret_p90_ms: float
    regret_p99_ms: float
    within_10_ms: float  # share of clients
    within_25_ms: float
    harmed: float
    error_ms: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Against:
    """The model's mean regret beside another's: over it, and what it is less, in ms."""

    ratio: Interval
    gain_ms: Interval


@dataclass(frozen=True, slots=True)
class Scores:
    """One kind of world: the score of each way to choose, and the model against each baseline."""

    by_name: Mapping[str, Score]
    against: Mapping[str, Against]
    clients: int
    worlds: int  # sets of servers
    rounds: int  # shuffles of the folds


def regret_ms(truth: Array, chosen: npt.NDArray[np.intp]) -> Array:
    """Return `(n,)` regrets of choosing column `chosen[i]` of row `i` of `(n, m)` true round trips."""
    taken = np.take_along_axis(truth, chosen[:, None], axis=1)[:, 0]
    return np.asarray(taken - truth.min(axis=1))


def score(regrets: Array, nearest: Array, errors: Array) -> Score:
    """Return the score of all regrets beside those of the nearest POP, and of all absolute errors, in ms.

    There may be no errors at all.
    """
    p90, p99 = np.percentile(regrets, [90, 99])
    return Score(
        regret_ms=float(regrets.mean()),
        regret_p90_ms=float(p90),
        regret_p99_ms=float(p99),
        within_10_ms=float((regrets <= 10).mean()),
        within_25_ms=float((regrets <= 25).mean()),
        harmed=float((regrets - nearest > HARM_MS).mean()),
        error_ms=float(errors.mean()) if errors.size else float("nan"),
    )


def against(model: Array, other: Array, cluster: npt.NDArray[np.int64], seed: int = 0) -> Against:
    """Return two mean regrets side by side, with paired bootstrap intervals (Efron 1979, percentiles).

    `model[i]` and `other[i]` belong to one client and one choice; whole clusters (the groups that leave
    training together) are drawn, because clients of one group are not independent.
    """
    _, index = np.unique(cluster, return_inverse=True)
    sums = np.stack([np.bincount(index, weights) for weights in (model, other, np.ones(len(model)))])
    groups = sums.shape[1]
    draws = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), RESAMPLES)
    draws = np.concatenate([np.ones((1, groups)), draws])  # the first is the data as they are
    above, below, count = (draws @ column for column in sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.where(above == below, 1.0, above / below)  # both may be zero
    return Against(_interval(ratios), _interval((below - above) / count))


def _interval(values: Array) -> Interval:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Interval(float(values[0]), float(low), float(high))
