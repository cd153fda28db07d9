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

_CELLS_AT_ONCE: Final = 4096
"""Running sums start anew with each block: they keep their precision, and stay in the processor's cache."""

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


def value_between(bins: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the value at each fractional bin: between two bins the geometric mean; NaN for NaN."""
    return (float(_VALUES[0]) * _GAMMA ** bins.astype(np.float64)).astype(np.float32)


def quantiles(
    used: npt.NDArray[np.integer],
    bins: npt.NDArray[np.integer],
    weights: npt.NDArray[np.float32],
    q: Sequence[float] | npt.NDArray[np.float64],
) -> npt.NDArray[np.float32]:
    """Return the quantiles `q` of many histograms as (len(q), histograms); NaN for empty ones.

    `q` are the same for all, or (quantiles, histograms) of each its own.

    `used` says how many bins each has; `bins` (ascending in each) and their `weights` (above 0) follow one
    another. The quantile is that of the inverted distribution function: the value of the first bin at which
    the running sum of weights reaches q x total. It depends on the weights' ratios only, so decay, which
    scales all of them alike, never moves it. Relative error at most 5 % (see above).
    """
    ends = np.cumsum(used, dtype=np.int64)
    shares = np.asarray(q, np.float64)
    shares = np.broadcast_to(shares if shares.ndim == 2 else shares[:, None], (len(q), len(used)))
    out = np.full(shares.shape, np.nan, np.float32)
    for first in range(0, len(used), _CELLS_AT_ONCE):
        block = slice(first, first + _CELLS_AT_ONCE)
        start, end = ends[block] - used[block], ends[block]
        slots = slice(int(start[0]), int(end[-1]))
        rows = np.flatnonzero(used[block])
        if len(rows):
            bounds = start[rows] - start[0], end[rows] - start[0]
            found = _reached(weights[slots], *bounds, shares[:, block][:, rows])
            out[:, first + rows] = value_of(bins[slots][found])
    return out


def _reached(
    weights: npt.NDArray[np.float32],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Return where each histogram [start, end) reaches each of its `shares` of its sum."""
    running = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    before, total = running[start], running[end] - running[start]
    wanted = before + shares * (1 - _TIE) * total
    at = np.searchsorted(running[1:], wanted)
    return np.asarray(np.clip(at, start, end - 1))
