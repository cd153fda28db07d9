"""Which sets of a POP's addresses can be answered: few enough that all are signed before they are needed.

A POP answers with the addresses that are up. Of at most three every subset can be that; of more, all of them,
all but one, or the first that is up: a second dead host costs spread, never an answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Final

FREE: Final = 3
"""Addresses of which every subset is signed: seven RRsets. Of four it would be fifteen."""

Addresses = tuple[str, ...]


def subsets(addresses: Addresses) -> Iterator[Addresses]:
    """Give every set that `answered` can return, each once."""
    if len(addresses) <= FREE:
        sizes: Collection[int] = range(1, len(addresses) + 1)
    else:
        sizes = (1, len(addresses) - 1, len(addresses))
    for size in sizes:
        yield from combinations(addresses, size)


def answered(addresses: Addresses, up: Addresses) -> Addresses:
    """Return what a POP answers of its addresses when only those of `up` (in their order) can be reached."""
    if len(addresses) <= FREE or len(up) >= len(addresses) - 1:
        return up
    return up[:1]
