"""The coarsest correct partition of the address space: blocks whose networks are answered alike.

In: segments in address order, each with its leaf and the POPs that may stand first and second in its place
(`itm.steer.standins`). Out: the fewest aligned prefixes of which each has one leaf, or a POP that may stand
first for all its segments and another second. ORTC (Draves et al., INFOCOM 1999, 3) finds the fewest
prefixes of a forwarding table in the same way, meeting the sets of what each part may take. But a forwarding
table may hold a prefix inside another one, and answers must not (RFC 7871 7.2.1). Without nesting the best is
plain: a prefix is a block if its sets meet and its parent's do not, for what meets in a whole meets in parts.

The tree is walked from single units up: two halves of a prefix become one piece, and of what does not meet
nothing is left but that it does not. All work is on sorted arrays, a level at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.steer.rows import Units
from itm.steer.standins import Masks, holds

ONE: Final = 0
"""State of a piece all of whose segments have one leaf, which is its `voice`."""
MIXED: Final = 1
"""State of a piece whose segments have several leaves and can share a list."""
DEAD: Final = 2
"""State of a prefix whose segments cannot: its parts are blocks, or theirs."""


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """What speaks for pieces: leaves, of which each has a first POP (`head`) and its rule's `tail`."""

    head: npt.NDArray[np.uint16]
    tail: npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Segments or aligned prefixes in address order: `start` in units; the sets of POPs that may stand
    `first` and `second`; the number of the leaf whose `voice` speaks for it, with the demand that this
    `weighs` (of segments: of one unit); the least class of `ttl`; and the `state`.
    """

    start: Units
    first: Masks
    second: Masks
    voice: npt.NDArray[np.uint32]
    weighs: npt.NDArray[np.float32]
    ttl: npt.NDArray[np.uint8]
    state: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, chosen: npt.NDArray[Any] | slice) -> Pieces:
        """Return those of them."""
        return Pieces(*(getattr(self, name)[chosen] for name in self.__slots__))


def partition(bits: int, segments: Pieces, voices: Voices) -> Pieces:
    """Return the fewest blocks of a family of `bits` bits; the first segment starts at 0."""
    cut = _cut(bits, segments)
    pieces, blocks = cut[0], []
    for level in range(1, bits + 1):
        whole = _met(pieces.take(slice(0, None, 2)), pieces.take(slice(1, None, 2)), voices)
        apart = np.repeat(whole.state == DEAD, 2) & (pieces.state != DEAD)
        blocks.append(pieces.take(np.flatnonzero(apart)))
        pieces = _between(whole, cut[level])
    blocks.append(pieces.take(np.flatnonzero(pieces.state != DEAD)))
    found = Pieces(*(np.concatenate([getattr(one, n) for one in blocks]) for n in Pieces.__slots__))
    return found.take(np.argsort(found.start, kind="stable"))


def _cut(bits: int, segments: Pieces) -> list[Pieces]:
    """Return the segments cut into aligned prefixes, by the number of bits that those leave open."""
    number = np.arange(len(segments))
    start, end = segments.start, np.append(segments.start[1:], np.uint64(1 << bits))
    cuts: list[tuple[npt.NDArray[np.intp], Units, Units]] = []
    while len(start):
        aligned = np.where(start == 0, np.uint64(1 << bits), start & (~start + np.uint64(1)))
        # The highest power of two that fits: an exponent of a double is exact up to 2**53.
        fits = np.ldexp(0.5, np.frexp((end - start).astype(np.float64))[1]).astype(np.uint64)
        size = np.minimum(fits, aligned)
        cuts.append((number, start, size))
        start = start + size
        more = np.flatnonzero(start < end)
        number, start, end = number[more], start[more], end[more]
    number, start, size = (np.concatenate(column) for column in zip(*cuts, strict=True))
    level = (np.frexp(size.astype(np.float64))[1] - 1).astype(np.uint8)
    order = np.argsort(level, kind="stable")
    parts = []
    for here in np.split(order, np.searchsorted(level[order], np.arange(1, bits + 1))):
        inside = here[np.argsort(start[here], kind="stable")]
        own = segments.take(number[inside])
        weighs = own.weighs * size[inside].astype(np.float32)
        parts.append(Pieces(start[inside], own.first, own.second, own.voice, weighs, own.ttl, own.state))
    return parts


def _between(some: Pieces, others: Pieces) -> Pieces:
    """Return both in address order; neither has what the other has."""
    if not len(others) or not len(some):
        return some if len(some) else others
    at = np.searchsorted(some.start, others.start) + np.arange(len(others))
    is_some = np.ones(len(some) + len(others), dtype=bool)
    is_some[at] = False
    rest = np.flatnonzero(is_some)

    def both(name: str) -> npt.NDArray[Any]:
        one, other = getattr(some, name), getattr(others, name)
        whole = np.empty((len(is_some), *one.shape[1:]), dtype=one.dtype)
        whole[rest], whole[at] = one, other
        return whole

    return Pieces(*(both(name) for name in Pieces.__slots__))


def _met(left: Pieces, right: Pieces, voices: Voices) -> Pieces:
    """Return the prefixes that two halves make, `DEAD` where the halves cannot be answered alike."""
    first, second = left.first & right.first, left.second & right.second
    is_one = (left.voice == right.voice) & (left.state == ONE) & (right.state == ONE)
    may = first.any(axis=1) & second.any(axis=1) & (left.state != DEAD) & (right.state != DEAD)
    check = np.flatnonzero(may & ~is_one)
    either = np.bitwise_count(first[check] | second[check]).sum(axis=1) > 1
    alike = voices.tail[left.voice[check]] == voices.tail[right.voice[check]]
    state = np.full(len(left), DEAD, dtype=np.uint8)
    mixed = check[either & alike]
    state[mixed], state[is_one] = MIXED, ONE
    # Who speaks for both: whose POP may stand first in both, then who weighs more, then who comes first.
    weighs, voice = left.weighs + right.weighs, left.voice.copy()
    heads = voices.head[left.voice[mixed]], voices.head[right.voice[mixed]]
    can_left, can_right = (holds(first[mixed], head) for head in heads)
    heavier = right.weighs[mixed] > left.weighs[mixed]
    is_right = (can_right & ~can_left) | ((can_right == can_left) & heavier)
    voice[mixed[is_right]] = right.voice[mixed[is_right]]
    rivals = mixed[heads[0] != heads[1]]
    weighs[rivals] = np.maximum(left.weighs[rivals], right.weighs[rivals])
    return Pieces(left.start, first, second, voice, weighs, np.minimum(left.ttl, right.ttl), state)
