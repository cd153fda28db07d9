"""Log-spaced bins: the histogram every window keeps, and quantiles read from it for all cells at once.

The bins are those of DDSketch (Masson, Rim, Lee: VLDB 2019): bin i holds the values in (g^(i-1), g^i] x MIN
with g = (1 + a) / (1 - a), and is read as 2 g^i / (g + 1) x MIN, so that any value comes back within the
relative error a = 5 %. Values outside MIN .. MAX are counted in the first or last bin.

Knows no cell, no clock and no metric; a histogram is a row of non-negative weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

RELATIVE_ERROR: Final = 0.05
MIN_VALUE: Final = 0.1
MAX_VALUE: Final = 1e6

_GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA: Final = math.log(_GAMMA)

BINS: Final = math.ceil(math.log(MAX_VALUE / MIN_VALUE) / _LOG_GAMMA) + 1
"""Number of bins (163): bin 0 holds MIN and what is below it, the last one MAX and what is above it."""

_VALUES: Final = (MIN_VALUE * 2 / (_GAMMA + 1) * _GAMMA ** np.arange(BINS)).astype(np.float32)

_ROWS_AT_ONCE: Final = 2048  # 2048 x 163 doubles = 2.7 MB: the running sums stay in the processor's cache

_TIE: Final = 1e-6
"""Decay rounds every weight a little: a rank this close (relative) below a bin's edge counts as reached."""


def bin_of(values: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Return the bin of each finite value."""
    safe = np.clip(values.astype(np.float64), MIN_VALUE, MAX_VALUE)
    # The subtraction keeps a value that is exactly a bin's upper edge in that bin despite rounding.
    raw = np.ceil(np.log(safe / MIN_VALUE) / _LOG_GAMMA - 1e-9)
    return np.clip(raw, 0, BINS - 1).astype(np.int64)


def value_of(bins: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """Return the value that stands for each bin: within 5 % of every value the bin holds."""
    return np.asarray(_VALUES[bins])


def quantiles(weights: npt.NDArray[np.float32], q: Sequence[float]) -> npt.NDArray[np.float32]:
    """Return the quantiles `q` of each row of `weights` (cells, BINS) as (len(q), cells); NaN for empty rows.

    The quantile is that of the inverted distribution function: the value of the first bin at which the
    running sum of weights reaches q x total. It depends on the weights' ratios only, so decay, which scales
    all of them alike, never moves it. Relative error at most 5 % (see above); about 0.2 s per 100,000 cells.
    """
    out = np.empty((len(q), len(weights)), dtype=np.float32)
    for first in range(0, len(weights), _ROWS_AT_ONCE):
        block = slice(first, first + _ROWS_AT_ONCE)
        out[:, block] = _quantiles(weights[block], q)
    return out


def _quantiles(weights: npt.NDArray[np.float32], q: Sequence[float]) -> npt.NDArray[np.float32]:
    running = np.cumsum(weights, axis=1, dtype=np.float64)
    total = running[:, -1]
    reached = np.array([np.argmax(running >= (p * (1 - _TIE) * total)[:, None], axis=1) for p in q])
    first_used = np.argmax(weights > 0, axis=1)  # q = 0 must not name an empty bin
    found = value_of(np.maximum(reached, first_used))
    return np.where(total > 0, found, np.float32(np.nan))
