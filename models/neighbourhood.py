"""The neighbourhood estimate: what the measured places around both ends see of each other.

A product-kernel regression (Nadaraya 1964, Watson 1964) of log(RTT / floor): every measured pair counts by
how near its client is to the client asked for and its server to the server. The nearest places of each end
count, with weight 1 / (km + 100)^3. Smooth where the trees step, it errs elsewhere than they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from models.features import COLUMNS
from models.prior import great_circle_km, unit_vectors
from models.sites import Sites

NEIGHBOURS: Final = 20
"""Measured places that count at each end."""

REACH_KM: Final = 100.0
"""Within this distance places count nearly alike: about a metropolitan region, and our places' own size."""

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


class Neighbourhood(RegressorMixin, BaseEstimator):
    """Kernel mean of the targets over both ends' neighbours, on rows of `features.COLUMNS`.

    `fit` takes `(n, k)` features and `(n,)` targets. `predict` returns `(n,)`; each row depends on
    nothing but itself. Rows without any measured pair around them get the mean of all targets.
    """

    def __init__(self, neighbours: int = NEIGHBOURS, reach_km: float = REACH_KM) -> None:
        self.neighbours = neighbours
        self.reach_km = reach_km

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Keep the mean target of every measured pair of places."""
        features, targets = np.asarray(X, np.float64), np.asarray(y, np.float64)
        clients, servers = _places(features, "client"), _places(features, "server")
        shape = len(clients.unit), len(servers.unit)
        cell = clients.row * shape[1] + servers.row
        count = np.bincount(cell, minlength=shape[0] * shape[1])
        total = np.bincount(cell, weights=targets, minlength=shape[0] * shape[1])
        self.client_unit_, self.server_unit_ = clients.unit, servers.unit
        self.known_ = (count > 0).astype(np.float64).reshape(shape)
        self.targets_ = (total / np.maximum(count, 1)).reshape(shape)
        self.mean_ = float(targets.mean())
        self.n_features_in_ = features.shape[1]
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return `(n,)` log ratios."""
        check_is_fitted(self, "targets_")
        features = np.asarray(X, np.float64)
        clients, servers = _places(features, "client"), _places(features, "server")
        near_client = self._near(clients.unit, self.client_unit_)
        near_server = self._near(servers.unit, self.server_unit_)
        weight = near_client.sums(near_server.sums(self.known_.T).T)
        total = near_client.sums(near_server.sums(self.targets_.T).T)
        with np.errstate(invalid="ignore"):
            table = np.where(weight > 0, total / weight, self.mean_)
        ratios: Array = table[clients.row, servers.row]
        return ratios

    def _near(self, asked: Array, measured: Array) -> _Near:
        km = great_circle_km(asked, measured)
        count = min(self.neighbours, km.shape[1])
        nearest = np.argpartition(km, count - 1, axis=1)[:, :count]
        reach = np.take_along_axis(km, nearest, axis=1) + self.reach_km
        weight = 1.0 / (reach * reach * reach)
        return _Near(nearest, weight / weight.max(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """For each asked place the measured places that count, and their weights; both `(n, neighbours)`."""

    nearest: Indices
    weight: Array

    def sums(self, values: Array) -> Array:
        """Return the weighted sums of the rows of `values`, `(n, values.shape[1])`.

        Added one neighbour after the other: a matrix product may round differently for one row and many.
        """
        total = np.zeros((len(self.nearest), values.shape[1]))
        for neighbour in range(self.nearest.shape[1]):
            total += self.weight[:, neighbour, None] * values[self.nearest[:, neighbour]]
        return total


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """The distinct places of one end of many rows: unit vectors, and the place of each row."""

    unit: Array
    row: Indices


def _places(features: Array, end: str) -> _Places:
    lat, lon = (features[:, COLUMNS.index(f"{end}_{axis}")] for axis in ("lat", "lon"))
    distinct, row = np.unique(lat + 1j * lon, return_inverse=True)
    sites = Sites(distinct.real, distinct.imag, np.full(len(distinct), ""))
    return _Places(unit_vectors(sites), row)
