"""Ranks of rows with one POP moved to where something else than the order wants it; the rest keep theirs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ranks = npt.NDArray[np.uint16]


def put_first(ranks: Ranks, pop: Ranks) -> Ranks:
    """Return the ranks with `pop` moved (or put) to the front of each row."""
    longer = np.concatenate([pop[:, None], ranks], axis=1)
    again = np.concatenate([np.zeros((len(ranks), 1), dtype=bool), ranks == pop[:, None]], axis=1)
    kept_first = np.argsort(again, axis=1, kind="stable")
    return np.take_along_axis(longer, kept_first, axis=1)[:, : ranks.shape[1]]


def put_second(ranks: Ranks, pop: Ranks) -> Ranks:
    """Return the ranks with `pop` right behind the first of each row, where that is another POP."""
    moved = np.concatenate([ranks[:, :1], put_first(ranks[:, 1:], pop)], axis=1)
    return np.where((ranks[:, 0] == pop)[:, None], ranks, moved)
