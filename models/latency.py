"""The latency model: quantiles of the round trip of any place to any place.

Gradient-boosted quantile trees on log(RTT / floor), one ensemble per quantile (pinball loss: Koenker and
Bassett 1978; histogram trees: Ke et al. 2017, in scikit-learn), moved half-way to the neighbourhood's
estimate. A scikit-learn estimator: knows feature rows, not sites, files or POPs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from models.neighbourhood import Neighbourhood

QUANTILES: Final = (0.25, 0.5, 0.75)
"""The quantiles that travel: p25, p50, p75."""

MEDIAN: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Quantiles of the round trip in ms, each `(n_clients, n_servers)`; floor <= p25 <= p50 <= p75.

    The rows of a client without a position are NaN: the caller has a better prior for "anywhere".
    """

    p25: npt.NDArray[np.float32]
    p50: npt.NDArray[np.float32]
    p75: npt.NDArray[np.float32]


class LatencyModel(RegressorMixin, BaseEstimator):
    """Quantiles of log(RTT / floor) from rows of `features.COLUMNS`.

    `fit` takes `(n, k)` features and `(n,)` targets; `predict` returns `(n, len(quantiles))`, ascending.
    `quantiles` must hold the median. `spread_trees` is the number of trees of the other quantiles, which
    only say how far they are from the median. `neighbour_share` is the weight of the neighbourhood.
    """

    def __init__(
        self,
        quantiles: tuple[float, ...] = QUANTILES,
        trees: int = 150,
        spread_trees: int = 75,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 31,
        min_samples_leaf: int = 40,
        neighbour_share: float = 0.5,
    ) -> None:
        self.quantiles = quantiles
        self.trees = trees
        self.spread_trees = spread_trees
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.neighbour_share = neighbour_share

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Train one ensemble per quantile, and the neighbourhood. Raises `ValueError` without a median."""
        if MEDIAN not in self.quantiles:
            raise ValueError(f"quantiles {self.quantiles}: expected {MEDIAN} among them")
        # One thread: boosting's short parallel loops wait on each other, and on a busy machine two threads
        # take ten times as long as one (5 s against 53 s of CPU time, measured).
        with threadpool_limits(1, "openmp"):
            self.ensembles_ = [self._ensemble(quantile).fit(X, y) for quantile in self.quantiles]
        self.neighbourhood_ = Neighbourhood().fit(X, y)
        self.n_features_in_ = self.ensembles_[0].n_features_in_
        return self

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return `(n, len(quantiles))`; sorted, because separate ensembles may cross."""
        check_is_fitted(self, "ensembles_")
        ratios = np.stack([ensemble.predict(X) for ensemble in self.ensembles_], axis=1)
        median = ratios[:, self.quantiles.index(MEDIAN)]
        ratios += (self.neighbour_share * (self.neighbourhood_.predict(X) - median))[:, None]
        return np.sort(ratios, axis=1)

    def _ensemble(self, quantile: float) -> Any:
        return HistGradientBoostingRegressor(
            loss="quantile",
            quantile=quantile,
            max_iter=self.trees if quantile == MEDIAN else self.spread_trees,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            early_stopping=False,
            random_state=0,
        )
