"""Stand-ins: POPs that may be answered in place of a row's own, so that its scope can be its neighbours' too.

A POP may stand in where it loses less than the limit by the estimate that decided: in the same pool and
order, not out. The first is what is served; the second, while the first is not up, may lose `FAILOVER_MS`.
For rows that are answered by shares, that have a single candidate, or that the limiter holds, nobody may.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from itm.steer.steps import NO_POP, Running

FAILOVER_MS: Final = 10.0
"""What a network may lose by its second POP while its first is not up."""

WORD: Final = 64

Masks = npt.NDArray[np.uint64]
"""Sets of POPs, one row each: bit p % 64 of word p // 64."""


def stand_ins_of(
    running: Running, ranks: npt.NDArray[np.uint16], shares: npt.NDArray[np.uint8], loss_ms: float
) -> Masks:
    """Return per row (rows, 2 W) the sets of POPs that may stand first and second; W words each.

    `ranks` and `shares` are the row's own. Without a limit (0) nobody is asked for: no words.
    """
    rows, pops = running.tier.shape
    if loss_ms <= 0 or pops < 2 or ranks.shape[1] < 2:
        return np.zeros((rows, 0), dtype=np.uint64)
    has_second = (ranks[:, 1] != NO_POP) & ~shares.any(axis=1)
    first, second = (np.where(has_second, ranks[:, nth], 0) for nth in (0, 1))
    of_first = _alike(running, first, loss_ms)
    of_second = _alike(running, second, FAILOVER_MS)
    of_second[np.arange(rows), first] = True
    sets = [packed(one & has_second[:, None]) for one in (of_first, of_second)]
    return np.concatenate(sets, axis=1)


def _alike(running: Running, pop: npt.NDArray[np.uint16], loss_ms: float) -> npt.NDArray[np.bool_]:
    """Return (rows, POPs): who stands in the same tier and order as a row's POP and costs hardly more."""
    own = pop[:, None].astype(np.intp)
    found: npt.NDArray[np.bool_] = running.score < np.take_along_axis(
        running.score, own, axis=1
    ) + np.float32(loss_ms)
    for column in (running.tier, running.order):
        found &= column == np.take_along_axis(column, own, axis=1)
    return found


def spared(sets: Masks, first: npt.NDArray[np.uint16], full: npt.NDArray[np.uint16]) -> Masks:
    """Return the sets of those that may stand first and second without POPs that are full, but for the rows
    that have one of them `first` themselves.
    """
    words = sets.shape[1] // 2
    for pop in full[full < words * WORD] if words else ():
        others = np.flatnonzero(first != pop)
        word, bit = int(pop) // WORD, ~(np.uint64(1) << np.uint64(int(pop) % WORD))
        sets = sets.copy()
        sets[others, word] &= bit
    return sets


def packed(is_in: npt.NDArray[np.bool_]) -> Masks:
    """Return sets given as (rows, POPs) as words."""
    octets = np.packbits(is_in, axis=1, bitorder="little")
    words = np.zeros((len(is_in), -(-is_in.shape[1] // WORD) * 8), dtype=np.uint8)
    words[:, : octets.shape[1]] = octets
    return words.view("<u8")


def holds(sets: Masks, pop: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Say of each set whether a POP is in it; `NO_POP` never is."""
    word = np.minimum(pop.astype(np.intp) // WORD, max(sets.shape[1] - 1, 0))
    bit = sets[np.arange(len(sets)), word] >> (pop.astype(np.uint64) % np.uint64(WORD)) & np.uint64(1)
    found: npt.NDArray[np.bool_] = (bit == 1) & (pop < sets.shape[1] * WORD)
    return found


def least(sets: Masks) -> npt.NDArray[np.uint16]:
    """Return the first POP of each set that is not empty."""
    word = (sets != 0).argmax(axis=1)
    own = sets[np.arange(len(sets)), word]
    lowest = np.bitwise_count((own & (~own + np.uint64(1))) - np.uint64(1))
    found: npt.NDArray[np.uint16] = (word * WORD + lowest).astype(np.uint16)
    return found


def without(sets: Masks, pop: npt.NDArray[np.integer]) -> Masks:
    """Return the sets without one POP each."""
    out = sets.copy()
    out[np.arange(len(sets)), pop.astype(np.intp) // WORD] &= ~(
        np.uint64(1) << (pop.astype(np.uint64) % np.uint64(WORD))
    )
    return out
