"""Between which of its sorted values a sample leaves the lower quartile of what it was drawn from.

By order statistics, whatever values are distributed like (David, Nagaraja: Order Statistics, 2003, section
7.1): of the values drawn, the number at or below the true quartile is binomial. A sample that is too small
leaves an end open: below 11 values nothing says how low the quartile cannot be. Pure; knows no histogram.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

QUARTILE: Final = 0.25

DOUBT: Final = 0.05
"""The chance that the quartile lies beyond one end."""

_EXACT: Final = 256
"""Sample sizes up to here are reckoned exactly; beyond, the binomial is as good as normal."""

_Z: Final = 1.6449
"""The standard normal's 95 % quantile, as `DOUBT` wants it."""

Shares = npt.NDArray[np.float64]


def quartile_shares(n: npt.NDArray[np.floating]) -> Shares:
    """Return the ends as shares (0..1) of samples of `n` values, (2, samples); NaN where an end is open.

    A share s stands for the value at which s x n of the sorted sample are reached. Samples of decayed
    weights count as of their whole weight, rounded down: fewer values than there were.
    """
    whole = np.floor(n + 1e-6)
    size = np.maximum(whole, 1)
    spread = _Z * np.sqrt(QUARTILE * (1 - QUARTILE) / size)
    shares = np.stack([QUARTILE - spread, QUARTILE + spread])
    exact = np.flatnonzero(whole <= _EXACT)
    shares[:, exact] = _SHARES[:, whole[exact].astype(np.intp)]
    return shares


def _ranks(n: int) -> tuple[float, float]:
    """Return the shares of a sample of `n`."""
    chances = [math.comb(n, k) * QUARTILE**k * (1 - QUARTILE) ** (n - k) for k in range(n + 1)]
    low, below = 0, chances[0]
    while below <= DOUBT:
        low += 1
        below += chances[low]
    high, above = n + 1, 0.0
    while high > 1 and above + chances[high - 1] <= DOUBT:
        high -= 1
        above += chances[high]
    return (low / n if low else math.nan), (high / n if high <= n else math.nan)


_SHARES: Final = np.array([(math.nan, math.nan), *(_ranks(n) for n in range(1, _EXACT + 1))]).T
