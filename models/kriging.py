"""Kriging between places: the best guess for a pair from all measured pairs.

A Gaussian process over pairs (Krige 1951; Rasmussen and Williams 2006, chapter 2): two pairs are alike as
their clients are and as their servers are, so the covariance is a Kronecker product, and one eigenvalue
decomposition of the places solves it (Saatci 2011, chapter 5). Unlike a mean of neighbours, it does not count
a crowd of near places once for each. Knows places and values, not what they mean.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from models.affinity import affinity
from models.features import Ends

ROUNDS: Final = 6
"""Rounds of filling what was not measured and of pulling in outliers; more change regret by 0.02 ms."""

OWN: Final = 0.05
"""What a place shares with nothing else, in the unit of `affinity`."""

Array = npt.NDArray[np.float64]


class Kriging(BaseEstimator):
    """Values between any two places, from values between measured ones.

    `noise` is what a single pair differs by on its own, in the unit of the affinity; a value further than
    `most` from the fit counts as `most` away (Huber 1981, section 7.8).
    """

    def __init__(self, noise: float, most: float) -> None:
        self.noise = noise
        self.most = most

    def fit(self, X: Ends, y: npt.ArrayLike) -> Self:
        """Learn from `n` places and `(n, n)` values, NaN where nothing was measured."""
        values = np.asarray(y, np.float64)
        known = np.isfinite(values)
        self.mean_ = float(values[known].mean()) if known.any() else 0.0
        centred = np.where(known, values - self.mean_, 0.0)
        # One thread, so that training gives the same bits on any number of processors.
        with threadpool_limits(1, "blas"):
            alike = affinity(X, X)
            eigenvalues, vectors = np.linalg.eigh(alike + OWN * np.eye(len(alike)))
            strength = np.maximum(eigenvalues, 0.0)[:, None] * np.maximum(eigenvalues, 0.0)
            total = strength + self.noise**2
            filled = centred
            for _ in range(ROUNDS):
                fitted = vectors @ (vectors.T @ filled @ vectors * (strength / total)) @ vectors.T
                filled = fitted + np.where(known, np.clip(centred - fitted, -self.most, self.most), 0.0)
            self.weights_: Array = vectors @ (vectors.T @ filled @ vectors / total) @ vectors.T
        return self

    def towards(self, servers: Array) -> Array:
        """Return what each measured place counts for each server, `(n, m)`, from affinities `(m, n)`."""
        check_is_fitted(self, "weights_")
        return added(self.weights_, servers.T)

    def predict(self, clients: Array, towards: Array) -> Array:
        """Return the values of `k` clients, by their affinities `(k, n)`, with what `towards` gave."""
        return self.mean_ + added(clients, towards)


def added(left: Array, right: Array) -> Array:
    """Return the matrix product, added up in order: each row has the same bits alone and among others."""
    total = np.zeros((len(left), right.shape[1]))
    for inner in range(len(right)):
        total += left[:, inner, None] * right[inner]
    return total
