from __future__ import annotations

import numpy as np
import pytest

from itm.steer.scopes import DEAD, MIXED, ONE, Pieces, Voices, partition
from itm.steer.standins import packed

BITS = 8
POPS = 5


def segments(rng: np.random.Generator, count: int) -> tuple[Pieces, Voices]:
    """A family of 256 units, cut at random; each leaf has a first POP, two tails."""
    start = np.unique(np.append(rng.integers(0, 1 << BITS, count), 0)).astype(np.uint64)
    voices = Voices(rng.integers(0, POPS, 6).astype(np.uint16), (np.arange(6) // 4).astype(np.uint16))
    voice = rng.integers(0, 6, len(start)).astype(np.uint32)
    first, second = (rng.random((len(start), POPS)) < 0.6 for _ in range(2))
    first[np.arange(len(start)), voices.head[voice]] = True
    rigid = rng.random(len(start)) < 0.2
    first[rigid] = second[rigid] = False
    pieces = Pieces(
        start, packed(first), packed(second), voice, rng.random(len(start)).astype(np.float32),
        rng.integers(0, 4, len(start)).astype(np.uint8), np.full(len(start), ONE, np.uint8),
    )  # fmt: skip
    return pieces, voices


def fewest(given: Pieces, voices: Voices, first: int, size: int) -> list[tuple[int, int]]:
    """The blocks by the definition: a prefix if all of it can be answered alike, else those of its halves."""
    low = int(np.searchsorted(given.start, first, side="right")) - 1
    high = int(np.searchsorted(given.start, first + size))
    if can_be_one(given, voices, slice(low, high)):
        return [(first, size)]
    half = size // 2
    return fewest(given, voices, first, half) + fewest(given, voices, first + half, half)


def can_be_one(given: Pieces, voices: Voices, part: slice) -> bool:
    if len(set(given.voice[part].tolist())) == 1:
        return True
    one = int(np.bitwise_and.reduce(given.first[part, 0]))
    two = int(np.bitwise_and.reduce(given.second[part, 0]))
    tails = set(voices.tail[given.voice[part]].tolist())
    return bool(one and two and (one | two).bit_count() > 1 and len(tails) == 1)


@pytest.mark.parametrize("seed", range(12))
def test_blocks_are_the_fewest_that_can_be_answered_alike(seed: int) -> None:
    """Against the definition, on random cuts; each block knows what all of it has in common."""
    rng = np.random.default_rng(seed)
    given, voices = segments(rng, int(rng.integers(1, 120)))
    blocks = partition(BITS, given, voices)
    expected = fewest(given, voices, 0, 1 << BITS)
    assert blocks.start.tolist() == [first for first, _ in expected]
    assert DEAD not in blocks.state
    for at, (first, size) in enumerate(expected):
        low = int(np.searchsorted(given.start, first, side="right")) - 1
        part = slice(low, int(np.searchsorted(given.start, first + size)))
        own = set(given.voice[part].tolist())
        assert blocks.voice[at] in own
        assert blocks.state[at] == (ONE if len(own) == 1 else MIXED)
        assert blocks.first[at, 0] == np.bitwise_and.reduce(given.first[part, 0])
        assert blocks.ttl[at] == given.ttl[part].min()


def test_who_has_more_demand_speaks() -> None:
    """Of two halves that may share, the heavier gives the list; one that may not stand for both never."""
    everyone = packed(np.ones((2, POPS), bool))
    two = Pieces(
        np.array([0, 200], np.uint64), everyone, everyone, np.array([0, 1], np.uint32),
        np.array([1, 9], np.float32), np.zeros(2, np.uint8), np.zeros(2, np.uint8),
    )  # fmt: skip
    assert partition(BITS, two, Voices(np.array([2, 3], np.uint16), np.zeros(2, np.uint16))).voice == [1]
    only = packed(np.array([[True, True, True, False, True], [True] * POPS]))
    narrow = Pieces(two.start, only, everyone, two.voice, two.weighs, two.ttl, two.state)
    assert partition(BITS, narrow, Voices(np.array([2, 3], np.uint16), np.zeros(2, np.uint16))).voice == [0]
