"""Who spoke, and what each said: a sample of voters, one row per cell.

A voter is a client, on wider rungs a network. A row holds those with the K smallest different hashes,
ascending, EMPTY behind them: hash (24 bits) << 8 | vote (0 .. 254). Up to K - 1 of them are an exact count,
which is what thresholds of a few clients need; beyond, the K-th smallest says how dense hashes lie
(Bar-Yossef et al., RANDOM 2002; Beyer et al., SIGMOD 2007), with a relative standard error of some 27 %. As
hashes know nothing of votes, the votes are a fair sample of all voters': their median is that of one voice
each, however much any of them talks.

A voter's vote is the median of what it said in one batch, and moves halfway to that of each later batch: the
history of every voter would not be bounded, and this forgets an outlier by half with each batch after it.

Knows rows, hashes and votes, no cells and no days. Hashes must be spread evenly over 24 bits.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

K: Final = 16
EMPTY: Final = np.uint32(0xFFFFFFFF)
MAX_VOTE: Final = 254

_VOTE_BITS: Final = 8
_VOTE: Final = np.uint64(0xFF)
_ROW_BITS: Final = np.uint64(32)

Voters = npt.NDArray[np.uint32]


def voters(hashes: npt.NDArray[np.uint32], votes: npt.NDArray[np.integer[Any]]) -> Voters:
    """Return voters of 32-bit hashes (the lowest 8 bits are dropped) and votes from 0 to 254."""
    return hashes & ~np.uint32(_VOTE) | votes.astype(np.uint32)


def merge(smallest: Voters, rows: npt.NDArray[np.int64], heard: Voters) -> None:
    """Count one voter in each of `rows` (repeats allowed) of `smallest` (cells, K), in place."""
    # A full row takes none that is larger than all it has.
    enters = np.flatnonzero(heard >> _VOTE_BITS <= smallest[rows, K - 1] >> _VOTE_BITS)
    new = _middles(np.sort(_pairs(rows[enters], heard[enters])))
    if not len(new):
        return
    changed = _unique((new >> _ROW_BITS).astype(np.int64))
    held = smallest[changed]
    pairs = _middles(np.sort(np.concatenate([new, _pairs(changed[:, None], held)[held != EMPTY]])))
    row = (pairs >> _ROW_BITS).astype(np.int64)
    rank = _ranks(row)
    kept = rank < K
    smallest[changed] = EMPTY
    smallest[row[kept], rank[kept]] = (pairs[kept] & np.uint64(EMPTY)).astype(np.uint32)


def count(smallest: Voters) -> npt.NDArray[np.int32]:
    """Return the number of different voters behind each row: exact below K, an estimate from there on."""
    used = (smallest != EMPTY).sum(axis=1)
    estimate = (K - 1) * 2.0**24 / ((smallest[:, K - 1] >> _VOTE_BITS).astype(np.float64) + 1)
    counted: npt.NDArray[np.int32] = np.where(used < K, used, np.maximum(np.rint(estimate), K)).astype(
        np.int32
    )
    return counted


def median_vote(smallest: Voters) -> npt.NDArray[np.float32]:
    """Return the median of each row's votes (the middle of two), NaN for a row without any."""
    used = (smallest != EMPTY).sum(axis=1)
    votes = np.sort((smallest & np.uint32(_VOTE)).astype(np.uint8), axis=1)  # 255: empty, stands last
    at = np.arange(len(votes))
    low, high = votes[at, np.maximum(used - 1, 0) // 2], votes[at, np.minimum(used // 2, votes.shape[1] - 1)]
    middle = (low.astype(np.float32) + high) / np.float32(2)
    return np.where(used > 0, middle, np.float32(np.nan))


def packed(smallest: Voters) -> tuple[npt.NDArray[np.uint8], Voters]:
    """Return how many voters each row holds, and all of them one after the other."""
    held = smallest != EMPTY
    return held.sum(axis=1).astype(np.uint8), smallest[held]


def unpacked(used: npt.NDArray[np.uint8], held: Voters) -> Voters:
    """Return the rows that `packed` was given."""
    smallest = np.full((len(used), K), EMPTY)
    row = np.repeat(np.arange(len(used)), used)
    smallest[row, _ranks(row)] = held
    return smallest


def _pairs(rows: npt.NDArray[np.int64], heard: Voters) -> npt.NDArray[np.uint64]:
    return rows.astype(np.uint64) << _ROW_BITS | heard


def _middles(pairs: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return one of each (row, hash) of the sorted pairs: with the median vote.

    Of what is held and one new vote that is halfway between the two.
    """
    name = pairs >> np.uint64(_VOTE_BITS)
    starts = _starts(name)
    last = np.append(starts[1:], len(pairs)) - 1
    total = (pairs[(starts + last) // 2] & _VOTE) + (pairs[(starts + last + 1) // 2] & _VOTE)
    # A half is rounded to the even vote: halves must not add up to a drift.
    vote = total + (total >> np.uint64(1) & total & np.uint64(1)) >> np.uint64(1)
    middles: npt.NDArray[np.uint64] = name[starts] << np.uint64(_VOTE_BITS) | vote
    return middles


def _starts(ordered: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return where each run of equal numbers begins."""
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return np.flatnonzero(is_first)


def _unique(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the different ones of ascending numbers."""
    return numbers[np.append(True, numbers[1:] != numbers[:-1])] if len(numbers) else numbers


def _ranks(rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return how many equal neighbours stand before each of the sorted `rows`."""
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    return np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
