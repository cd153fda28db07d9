"""Who spoke, and what each said: a sample of voters, one row per cell.

A voter is a client, on wider rungs a network or an AS, for which one of its clients speaks. A row holds those
with the K smallest different hashes, ascending, EMPTY behind them:

    hash (16 bits) << 16 | rank of the speaker (8 bits) << 8 | vote (0 .. 254)

Up to K - 1 of them are an exact count, which is what thresholds of a few clients need; beyond, the K-th
smallest says how dense hashes lie (Bar-Yossef et al., RANDOM 2002; Beyer et al., SIGMOD 2007), with a
relative standard error of some 27 %. As hashes know nothing of votes, the votes are a fair sample of all
voters': their median is that of one voice each, however much any of them talks.

For a network speaks the client of the lowest rank, a hash of the client under the key of the day: one drawn
by lot, not the loudest and not the last. A speaker's vote is the median of what it said in one batch, and
moves halfway to that of each later batch: the history of every voter would not be bounded, and this forgets
an outlier by half with each batch after it.

Knows rows, hashes and votes, no cells and no days. Hashes must be spread evenly over their bits.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

K: Final = 16
EMPTY: Final = np.uint32(0xFFFFFFFF)
MAX_VOTE: Final = 254

DOUBT: Final = 0.05
"""The chance that the median of all voters lies beyond one end of the interval that a sample leaves it."""

_Z: Final = 1.6449
"""The standard normal's 95 % quantile, as `DOUBT` wants it."""

LIARS: Final = 0.1
LUCK: Final = 0.01
"""`upper_vote` is beyond the reach of this share of liars, but for this chance."""

_HASH_BITS: Final = 16
_VOTE: Final = np.uint64(0xFF)
_NAME: Final = np.uint64(16)  # below a pair's row and hash
_SPEAKER: Final = np.uint64(8)  # below its row, hash and rank
_ROW: Final = np.uint64(32)

Voters = npt.NDArray[np.uint32]


def voters(
    hashes: npt.NDArray[np.uint32], ranks: npt.NDArray[np.uint32], votes: npt.NDArray[np.integer[Any]]
) -> Voters:
    """Return voters: 32-bit hashes, of which the upper 16 bits count, 32-bit ranks of their speakers, of
    which the upper 8 do, and votes from 0 to 254.
    """
    who = hashes >> np.uint32(16) << np.uint32(16) | ranks >> np.uint32(24) << np.uint32(8)
    return np.asarray(who | votes.astype(np.uint32))


def merge(smallest: Voters, rows: npt.NDArray[np.int64], heard: Voters) -> None:
    """Count one voter in each of `rows` (repeats allowed) of `smallest` (cells, K), in place."""
    # A full row takes none that is larger than all it has.
    enters = np.flatnonzero(heard >> _HASH_BITS <= smallest[rows, K - 1] >> _HASH_BITS)
    new = _spoken(np.sort(_pairs(rows[enters], heard[enters])))
    if not len(new):
        return
    changed = _unique((new >> _ROW).astype(np.int64))
    held = smallest[changed]
    pairs = _spoken(np.sort(np.concatenate([new, _pairs(changed[:, None], held)[held != EMPTY]])))
    row = (pairs >> _ROW).astype(np.int64)
    rank = _ranks(row)
    kept = rank < K
    smallest[changed] = EMPTY
    smallest[row[kept], rank[kept]] = (pairs[kept] & np.uint64(EMPTY)).astype(np.uint32)


def count(smallest: Voters) -> npt.NDArray[np.int32]:
    """Return the number of different voters behind each row: exact below K, an estimate from there on."""
    used = (smallest != EMPTY).sum(axis=1)
    density = (smallest[:, K - 1] >> _HASH_BITS).astype(np.float64) + 1
    estimate = np.maximum(np.rint((K - 1) * 2.0**_HASH_BITS / density), K)
    return np.where(used < K, used, estimate).astype(np.int32)


def median_vote(smallest: Voters) -> npt.NDArray[np.float32]:
    """Return the median of each row's votes, NaN for a row without any.

    As of grouped data: a vote is anything within half a step of its number, evenly; so the median moves with
    every voter, not by whole steps at some. Of an even number the upper one of the two in the middle: half
    of the voters make nothing fast, nor unreachable.
    """
    used, votes = _cast(smallest)
    middle = votes[np.arange(len(votes)), np.minimum(used // 2, votes.shape[1] - 1)]
    below = (votes < middle[:, None]).sum(axis=1)
    same = (votes == middle[:, None]).sum(axis=1)
    median = (middle - 0.5 + (used / 2 - below) / same).astype(np.float32)
    return np.where(used > 0, median, np.float32(np.nan))


def vote_bounds(smallest: Voters) -> npt.NDArray[np.float32]:
    """Return between which votes the median of all voters lies: (2, rows), NaN for a row without any.

    By order statistics, whatever votes are distributed like: each end fails with a chance of `DOUBT` at most
    (David, Nagaraja: Order Statistics, 2003, section 7.1). The second and the seventh of eight, the fifth and
    the twelfth of sixteen: so many must agree to move an end past where the others stand.
    """
    used, votes = _cast(smallest)
    row, skipped = np.arange(len(votes)), _SKIPPED[used]
    ends = votes[row, skipped], votes[row, np.maximum(used - 1 - skipped, 0)]
    return np.where(used > 0, np.stack(ends), np.nan).astype(np.float32)


def upper_vote(smallest: Voters) -> npt.NDArray[np.float32]:
    """Return of each row's ascending votes the highest that liars alone do not make; NaN without any.

    Of five the third, of eight the fifth, of sixteen the eleventh: so many as that vote as high or higher
    are liars with a chance of `LUCK` at most where a share of `LIARS` lie.
    """
    used, votes = _cast(smallest)
    vote = votes[np.arange(len(votes)), np.maximum(used - _NEEDED[used], 0)]
    return np.where(used > 0, vote, np.float32(np.nan)).astype(np.float32)


def _cast(smallest: Voters) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return how many votes each row has, and all of them, ascending; what is empty reads 255 and is last."""
    votes = np.sort((smallest & np.uint32(_VOTE)).astype(np.uint8), axis=1)
    return (smallest != EMPTY).sum(axis=1), votes


def skipped(voters: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.intp]:
    """Return how many of so many sorted votes lie outside `vote_bounds` on either side, at any number.

    Beyond two samples the binomial is as good as normal: half of them less 1.645 standard deviations.
    """
    many = np.floor(voters / 2 - _Z / 2 * np.sqrt(voters)).astype(np.intp)
    return np.asarray(np.where(voters <= 2 * K, _SKIPPED[np.minimum(voters, 2 * K)], many))


def _skipped(voters: int) -> int:
    """Return how many of so many sorted votes lie outside the interval on either side."""
    chance, skipped = (1 + voters) * 0.5**voters, 0  # that at most one of them lies on one side
    while chance <= DOUBT:
        skipped += 1
        chance += math.comb(voters, skipped + 1) * 0.5**voters
    return skipped


def _needed(voters: int) -> int:
    """Return the least number of voters that are all liars with a chance of `LUCK` at most, else all."""
    chance, needed = 0.0, voters + 1
    while needed > 1:
        lying = math.comb(voters, needed - 1) * LIARS ** (needed - 1) * (1 - LIARS) ** (voters - needed + 1)
        if chance + lying > LUCK:
            break
        chance, needed = chance + lying, needed - 1
    return min(needed, voters)


_NEEDED: Final = np.array([_needed(n) for n in range(2 * K + 1)])
_SKIPPED: Final = np.array([_skipped(n) for n in range(2 * K + 1)])  # two samples may vote together


def packed(smallest: Voters) -> tuple[npt.NDArray[np.uint8], Voters]:
    """Return how many voters each row holds, and all of them one after the other."""
    held = smallest != EMPTY
    return held.sum(axis=1).astype(np.uint8), smallest[held]


def unpacked(used: npt.NDArray[np.uint8], held: Voters) -> Voters:
    """Return the rows that `packed` was given."""
    smallest = np.full((len(used), K), EMPTY)
    smallest[np.arange(K) < used[:, None]] = held  # row by row, each from the left
    return smallest


def _pairs(rows: npt.NDArray[np.int64], heard: Voters) -> npt.NDArray[np.uint64]:
    return rows.astype(np.uint64) << _ROW | heard


def _spoken(pairs: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return one of each (row, hash) of the sorted pairs: its lowest speaker's, with the median of its votes.

    Of a held and a new vote of one speaker that is halfway between the two.
    """
    speakers = _starts(pairs >> _SPEAKER)
    first = _starts(pairs >> _NAME)
    last = np.append(speakers[1:], len(pairs))[np.searchsorted(speakers, first)] - 1
    total = (pairs[(first + last) // 2] & _VOTE) + (pairs[(first + last + 1) // 2] & _VOTE)
    # A half is rounded to the even vote: halves must not add up to a drift.
    vote = total + (total >> np.uint64(1) & total & np.uint64(1)) >> np.uint64(1)
    spoken: npt.NDArray[np.uint64] = pairs[first] & ~_VOTE | vote
    return spoken


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
