"""What the model has to beat: what one would do without a model, or with one from the shelf.

Scikit-learn estimators on rows of pairs (`features.COLUMNS` in, log(RTT / floor) out), trained on the same
measurements as the model, and the choices that need no estimate of a round trip.
"""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from models.examples import examples
from models.features import COLUMNS, Ends, pair_features
from models.latency import Measured

NEIGHBOURS: Final = 5

Array = npt.NDArray[np.float64]


class OfRows(BaseEstimator):
    """A regressor of rows as a model of places: from `Measured` places to round trips in ms."""

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def fit(self, X: Measured) -> Self:
        """Train on every known pair, both directions."""
        rows = examples(X.ends, X.rtt_ms)
        # One thread: boosting's short parallel loops wait on each other, and on a busy machine two threads
        # take ten times as long as one (measured).
        with threadpool_limits(1, "openmp"):
            self.regressor_: Any = clone(self.regressor).fit(rows.features, rows.targets)
        return self

    def predict(self, clients: Ends, servers: Ends) -> Array:
        """Return the round trips, `(n, m)` ms, not below the floor."""
        check_is_fitted(self, "regressor_")
        pairs = pair_features(clients, servers)
        with threadpool_limits(1, "openmp"):
            ratios = self.regressor_.predict(pairs.features).reshape(pairs.floor.shape)
        milliseconds: Array = np.exp(np.maximum(ratios, 0.0)) * pairs.floor
        return milliseconds


def plain_boosting() -> HistGradientBoostingRegressor:
    """Return gradient boosting as anyone would try first: the obvious columns, the library's own settings."""
    return HistGradientBoostingRegressor(early_stopping=False, random_state=0)


class NearestModel(RegressorMixin, BaseEstimator):
    """A round trip is a fixed multiple of the fibre floor: the nearest POP is the fastest."""

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Learn the multiple: the median of the targets."""
        self.n_features_in_ = np.asarray(X).shape[1]
        self.ratio_ = float(np.median(np.asarray(y)))
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return `(n,)` equal log ratios."""
        check_is_fitted(self, "ratio_")
        return np.full(len(np.asarray(X)), self.ratio_)


class NeighbourModel(RegressorMixin, BaseEstimator):
    """The mean of the five nearest measured pairs, by the distance of both ends.

    Around a server in the training data these are mostly the five nearest clients measured against it.
    """

    def __init__(self, neighbours: int = NEIGHBOURS) -> None:
        self.neighbours = neighbours

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Keep the pairs."""
        self.n_features_in_ = np.asarray(X).shape[1]
        self.pairs_: Any = KNeighborsRegressor(self.neighbours, algorithm="kd_tree")
        self.pairs_.fit(_points(np.asarray(X)), np.asarray(y))
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return `(n,)` log ratios."""
        check_is_fitted(self, "pairs_")
        ratios: Array = self.pairs_.predict(_points(np.asarray(X)))
        return ratios


def _points(features: Array) -> Array:
    """Return both ends on the unit sphere, `(n, 6)`: ordered by distance as the great circle is."""
    ends = []
    for end in ("client", "server"):
        lat, lon = (np.radians(features[:, COLUMNS.index(f"{end}_{axis}")]) for axis in ("lat", "lon"))
        ends += [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    return np.stack(ends, axis=1)


def round_robin(clients: int, servers: int) -> npt.NDArray[np.intp]:
    """Return the server of each client when they are dealt out in turn."""
    return np.arange(clients) % servers


def least(estimate: Array, km: Array) -> npt.NDArray[np.intp]:
    """Return for each row of `(n, m)` estimates the column of the least; of equals the nearer one."""
    order = np.argsort(km, axis=1, kind="stable")
    first = np.take_along_axis(estimate, order, axis=1).argmin(axis=1)
    chosen: npt.NDArray[np.intp] = np.take_along_axis(order, first[:, None], axis=1)[:, 0]
    return chosen
