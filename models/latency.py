"""The latency model: quantiles of the round trip of any place to any place.

Kriging of the detour, log((RTT + 3 ms) / (floor + 3 ms)) less what is usual at the distance, and of how far
such estimates are off for places that had no part in them; the quantiles are as many times that far from the
estimate as those places were (conformal: Lei et al. 2018, locally weighted, by out-of-fold residuals). Knows
places and round trips, not files or POPs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.affinity import affinity
from models.features import Ends
from models.kriging import Kriging
from models.prior import floor_of_km, great_circle_km

LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What is calibrated: the ends of the 90 % interval around the quantiles that travel, p25, p50 and p75."""

LEAST_SPREAD: Final = 0.02
"""Residuals below this (2 % of a round trip) say nothing of how far another may be off."""

TREND_DEGREE: Final = 3
"""Of the polynomial in log(floor + 3 ms) that says how large detours usually are at a distance."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Quantiles of the round trip in ms, each `(n_clients, n_servers)`; floor <= p25 <= p50 <= p75.

    The rows of a client without a position are NaN: the caller has a better prior for "anywhere".
    """

    p25: npt.NDArray[np.float32]
    p50: npt.NDArray[np.float32]
    p75: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """`n` places and the round trips between them, `(n, n)` ms, NaN where nobody measured.

    `group` is what is not independent; the quantiles are calibrated on the round trips to `is_server`.
    """

    ends: Ends
    rtt_ms: Array
    group: npt.NDArray[np.int64]
    is_server: npt.NDArray[np.bool_]

    def take(self, rows: npt.NDArray[np.intp]) -> Measured:
        """Return the chosen places and what lies between them."""
        between = self.rtt_ms[np.ix_(rows, rows)]
        return Measured(self.ends.take(rows), between, self.group[rows], self.is_server[rows])


class LatencyModel(BaseEstimator):
    """Round trips between any two places.

    `softening_ms` keeps the microseconds between neighbours from counting like the detours of the far;
    `noise` and `most` are the kriging's (of the detour), `spread_noise` that of the residuals' size; `folds`
    are the parts in which groups are left out to see how far off estimates are.
    """

    def __init__(
        self,
        softening_ms: float = 3.0,
        noise: float = 0.5,
        most: float = 0.3,
        spread_noise: float = 3.5,
        folds: int = 5,
    ) -> None:
        self.softening_ms = softening_ms
        self.noise = noise
        self.most = most
        self.spread_noise = spread_noise
        self.folds = folds

    def fit(self, X: Measured) -> Self:
        """Learn the detours, how far off they are, and what that makes of the quantiles."""
        self.providers_ = sorted({*X.ends.provider.tolist()} - {""})
        floor = floor_of_km(great_circle_km(X.ends.unit, X.ends.unit))
        # 0.12 % of the pairs beat the floor: one of their positions is wrong. They count as on the floor.
        detour = self._soft(np.maximum(X.rtt_ms, floor)) - self._soft(floor)
        known = np.isfinite(detour)
        self.trend_: Array = np.polyfit(self._soft(floor[known]), detour[known], TREND_DEGREE)
        detour -= self._trend(floor)
        detours, spreads = Kriging(self.noise, self.most), Kriging(self.spread_noise, np.inf)
        residual = detour - self._left_out(detours, X, detour)
        size = np.log(np.abs(residual) + LEAST_SPREAD)
        multiple = residual / np.exp(self._left_out(spreads, X, size))
        self.multiples_: Array = np.nanquantile(multiple[np.ix_(~X.is_server, X.is_server)], LEVELS)
        self.detour_, self.spread_ = detours.fit(X.ends, detour), spreads.fit(X.ends, size)
        self.places_ = X.ends
        return self

    def predict(self, clients: Ends, servers: Ends, levels: tuple[float, ...] = LEVELS) -> Array:
        """Return the round trips at those of `LEVELS`, `(len(levels), n, m)` ms, ascending as they do."""
        return self.towards(servers).predict(clients, levels)

    def towards(self, servers: Ends) -> Towards:
        """Return the model as it looks to these servers: what is the same for every client, made once."""
        check_is_fitted(self, "multiples_")
        alike = affinity(self._known(servers), self.places_)
        return Towards(self, servers, self.detour_.towards(alike), self.spread_.towards(alike))

    def _left_out(self, kriging: Kriging, measured: Measured, values: Array) -> Array:
        """Return each place's values to all others, estimated without any place of its group."""
        estimate = np.full(values.shape, np.nan)
        for held in folds(measured.group, self.folds, seed=0):
            out = np.isin(measured.group, held)
            rest, left = measured.ends.take(np.flatnonzero(~out)), measured.ends.take(np.flatnonzero(out))
            towards = kriging.fit(rest, values[np.ix_(~out, ~out)]).towards(affinity(measured.ends, rest))
            estimate[out] = kriging.predict(affinity(left, rest), towards)
        return estimate

    def _known(self, ends: Ends) -> Ends:
        """Count a provider that nobody measured as none."""
        return ends.of_providers(self.providers_)

    def _trend(self, floor: Array) -> Array:
        """Return the usual detour at that distance: the long way round weighs less on a long way."""
        logarithm, usual = self._soft(floor), np.zeros(floor.shape)
        for coefficient in self.trend_.tolist():
            usual = usual * logarithm + coefficient
        return usual

    def _soft(self, milliseconds: Array) -> Array:
        logarithm: Array = np.log(milliseconds + self.softening_ms)
        return logarithm


@dataclass(frozen=True, slots=True, eq=False)
class Towards:
    """A fitted model and `m` servers; `detour`, `spread` are what its measured places count for each."""

    model: LatencyModel
    servers: Ends
    detour: Array
    spread: Array

    def predict(self, clients: Ends, levels: tuple[float, ...] = LEVELS) -> Array:
        """Return the round trips at those of `LEVELS`, `(len(levels), n, m)` ms: never below the floor."""
        model = self.model
        alike = affinity(model._known(clients), model.places_)
        floor = floor_of_km(great_circle_km(clients.unit, self.servers.unit))
        detour = model._trend(floor) + model.detour_.predict(alike, self.detour)
        spread = np.exp(model.spread_.predict(alike, self.spread))
        milliseconds = np.empty((len(levels), *floor.shape))
        for row, level in enumerate(levels):
            ratio = np.exp(detour + float(model.multiples_[LEVELS.index(level)]) * spread)
            said = (floor + model.softening_ms) * ratio - model.softening_ms
            milliseconds[row] = np.maximum(said, floor)
        return milliseconds


def folds(group: npt.NDArray[np.int64], count: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Return the groups of each fold: all groups, shuffled, dealt into `count` parts."""
    groups = np.unique(group)
    np.random.default_rng(seed).shuffle(groups)
    return [np.sort(part) for part in np.array_split(groups, count)]
