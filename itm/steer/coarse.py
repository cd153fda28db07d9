"""Rows and their decision -> blocks that share a leaf: what `scopes` needs to know, and the lists of blocks.

A block whose rows have several lists gets one of its own: first the POP that most of its demand has first,
of those that may stand first for all; then the best of those that may stand second for all; then the rest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.network import UNIT_BITS
from itm.steer.decide import Decision
from itm.steer.leaves import Lists
from itm.steer.rows import Rows
from itm.steer.scopes import MIXED, ONE, Pieces, Voices, partition
from itm.steer.standins import holds, least, without
from itm.steer.steps import NO_POP


def blocks_of(
    family: int,
    rows: Rows,
    decision: Decision,
    leaves: Lists,
    leaf: npt.NDArray[np.intp],
    weight: npt.NDArray[np.float32],
) -> Pieces:
    """Return the blocks of one family; `leaf` has each row's among `leaves`, `weight` its demand."""
    segments = rows.segments[family]
    row, units = segments.row, segments.units(family).astype(np.float64)
    density = weight / np.maximum(np.bincount(row, units, len(rows)), 1)
    own, sets = leaf[row], decision.stand_ins[row]
    differs = np.append(True, (own[1:] != own[:-1]) | (sets[1:] != sets[:-1]).any(axis=1))
    begins = np.flatnonzero(differs)
    voice, sets = own[begins], sets[begins]
    first, second = np.split(sets, 2, axis=1)
    weighs = np.add.reduceat(density[row] * units, begins) / np.add.reduceat(units, begins)
    pieces = Pieces(
        start=segments.start[begins],
        first=np.ascontiguousarray(first),
        second=np.ascontiguousarray(second),
        voice=voice.astype(np.uint32),
        weighs=weighs.astype(np.float32),
        ttl=leaves.ttl[voice],
        state=np.full(len(begins), ONE, dtype=np.uint8),
    )
    return partition(UNIT_BITS[family], pieces, Voices(leaves.ranks[:, 0], leaves.tail))


def with_lists(blocks: Pieces, leaves: Lists) -> tuple[Lists, npt.NDArray[np.intp]]:
    """Return the leaves with the lists of mixed blocks behind them, and the number of each block's.

    Blocks of the same voice, sets and TTL have the same list: it is made once.
    """
    number = blocks.voice.astype(np.intp)
    mixed = np.flatnonzero(blocks.state == MIXED)
    if not len(mixed):
        return leaves, number
    own = blocks.take(mixed)
    head, second = _pair(own, leaves)
    key = own.voice.astype(np.uint64)
    for part, bits in ((head, 16), (second, 16), (own.ttl, 8)):
        key = key << np.uint64(bits) | part
    _, at, inverse = np.unique(key, return_index=True, return_inverse=True)
    voice = leaves.take(own.voice[at])
    wide = np.concatenate([head[at, None], second[at, None], voice.ranks], axis=1)
    again = np.zeros(wide.shape, dtype=bool)
    again[:, 2:] = (voice.ranks == head[at, None]) | (voice.ranks == second[at, None])
    ranks = np.take_along_axis(wide, np.argsort(again, axis=1, kind="stable"), axis=1)
    made = Lists(ranks[:, : voice.ranks.shape[1]], voice.tail, np.zeros_like(voice.shares), own.ttl[at])
    number[mixed] = len(leaves) + inverse
    return leaves.and_then(made), number


def _pair(own: Pieces, leaves: Lists) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Return the first and the second POP of each block."""
    # Where one POP alone may stand second it must not stand first.
    only = np.bitwise_count(own.second).sum(axis=1) == 1
    spare = np.where(only[:, None], without(own.first, least(own.second)), own.first)
    voice = leaves.ranks[own.voice]
    head = np.where(holds(spare, voice[:, 0]), voice[:, 0], least(spare))
    rest = without(own.second, head)
    second = least(rest)
    for ranked in voice.T[::-1]:  # the best of the voice's: the last assignment wins
        second = np.where((ranked != NO_POP) & holds(rest, ranked), ranked, second)
    return head, second
