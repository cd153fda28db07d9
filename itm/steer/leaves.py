"""Whole lists as leaves have them: ranks, the rule's tail behind them, shares and TTL, each list once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """One list per row: `ranks` (rows, K) POP indices, the `tail`, `shares` (rows, K), class of TTL."""

    ranks: npt.NDArray[np.uint16]
    tail: npt.NDArray[np.uint16]
    shares: npt.NDArray[np.uint8]
    ttl: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ranks)

    def take(self, chosen: npt.NDArray[Any]) -> Lists:
        """Return those of them."""
        return Lists(*(getattr(self, name)[chosen] for name in self.__slots__))

    def and_then(self, more: Lists) -> Lists:
        """Return these and others behind them."""
        return Lists(*(np.concatenate([getattr(self, n), getattr(more, n)]) for n in self.__slots__))

    def distinct(self) -> tuple[Lists, npt.NDArray[np.intp]]:
        """Return the different lists, sorted, and the index of each row's among them."""
        columns = [self.ranks, self.tail[:, None]]
        # What nobody has makes no lists different, and the sort twice as long.
        columns += [self.shares.astype(np.uint16)] if self.shares.any() else []
        columns += [self.ttl[:, None].astype(np.uint16)] if self.ttl.any() else []
        _, first, number = unique_rows(np.concatenate(columns, axis=1))
        return self.take(first), number


def unique_rows(
    lists: npt.NDArray[np.uint16],
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the distinct rows, sorted; where each first stands; and each input row's index among them."""
    packed = np.ascontiguousarray(lists).view(np.dtype((np.void, lists.itemsize * lists.shape[1]))).ravel()
    _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    return lists[first], first, inverse
