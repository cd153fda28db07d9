"""How many different clients: the smallest hashes seen, one row per cell.

A row holds the K smallest different 32-bit hashes, ascending, EMPTY behind them. Up to K - 1 of them are an
exact count, which is what thresholds of a few clients need; beyond, the K-th smallest says how dense hashes
lie (Bar-Yossef et al., RANDOM 2002; Beyer et al., SIGMOD 2007), with a relative standard error of some 27 %.

Knows rows and hashes, no cells and no days. Hashes must be spread evenly over 32 bits.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

K: Final = 16
EMPTY: Final = np.uint32(0xFFFFFFFF)

Hashes = npt.NDArray[np.uint32]


def merge(smallest: Hashes, rows: npt.NDArray[np.int64], hashes: Hashes) -> None:
    """Count one hash in each of `rows` (repeats allowed) of `smallest` (cells, K), in place."""
    enters = np.flatnonzero(hashes < smallest[rows, K - 1])  # a full row takes only smaller ones than it has
    is_new = (smallest[rows[enters]] != hashes[enters, None]).all(axis=1)
    pairs = _unique(_pairs(rows[enters[is_new]], hashes[enters[is_new]]))
    if not len(pairs):
        return
    changed = _unique((pairs >> np.uint64(32)).astype(np.int64))
    held = smallest[changed]
    pairs = np.sort(np.concatenate([pairs, _pairs(changed[:, None], held)[held != EMPTY]]))
    row = (pairs >> np.uint64(32)).astype(np.int64)
    rank = _ranks(row)
    kept = rank < K
    smallest[changed] = EMPTY
    smallest[row[kept], rank[kept]] = (pairs[kept] & np.uint64(EMPTY)).astype(np.uint32)


def count(smallest: Hashes) -> npt.NDArray[np.int32]:
    """Return the number of different hashes behind each row: exact below K, an estimate from there on."""
    used = (smallest != EMPTY).sum(axis=1)
    estimate = (K - 1) * 2.0**32 / (smallest[:, K - 1].astype(np.float64) + 1)
    counted: npt.NDArray[np.int32] = np.where(used < K, used, np.maximum(np.rint(estimate), K)).astype(
        np.int32
    )
    return counted


def packed(smallest: Hashes) -> tuple[npt.NDArray[np.uint8], Hashes]:
    """Return how many hashes each row holds, and all of them one after the other."""
    held = smallest != EMPTY
    return held.sum(axis=1).astype(np.uint8), smallest[held]


def unpacked(used: npt.NDArray[np.uint8], hashes: Hashes) -> Hashes:
    """Return the rows that `packed` was given."""
    smallest = np.full((len(used), K), EMPTY)
    row = np.repeat(np.arange(len(used)), used)
    smallest[row, _ranks(row)] = hashes
    return smallest


def _pairs(rows: npt.NDArray[np.int64], hashes: Hashes) -> npt.NDArray[np.uint64]:
    return rows.astype(np.uint64) << np.uint64(32) | hashes


def _unique(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the different ones of `numbers`, ascending (several times faster than numpy's, which hashes)."""
    ordered = np.sort(numbers)
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]


def _ranks(rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return how many equal neighbours stand before each of the sorted `rows`."""
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    return np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
