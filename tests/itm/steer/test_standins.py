from __future__ import annotations

import numpy as np

from itm.steer.classes import NOT_ALLOWED
from itm.steer.decide import decide
from itm.steer.standins import holds, least, packed, spared, without
from tests.itm.steer.facts import Facts, facts

CHAIN = ("up", "allowed", "available", "fastest", "sticky")


def stand_ins(of: Facts, loss_ms: float = 2.0) -> list[tuple[set[int], set[int]]]:
    """Per row, who may stand first and who second."""
    found = decide(of, CHAIN, 3, loss_ms=loss_ms).stand_ins
    words = found.shape[1] // 2
    pops = np.arange(of.tiers.shape[1])

    def members(row: np.ndarray) -> set[int]:
        return {int(p) for p in pops if holds(row[None], np.array([p], np.uint16))[0]}

    return [(members(row[:words]), members(row[words:])) for row in found]


def test_who_loses_less_than_the_limit_may_stand_first() -> None:
    """And second who loses hardly more than the own second, or is the own first."""
    assert stand_ins(facts([20, 21.9, 22, 40])) == [({0, 1}, {0, 1, 2})]
    assert stand_ins(facts([20, 30, 39, 41])) == [({0}, {0, 1, 2})]


def test_nobody_of_another_pool_may() -> None:
    """Nor who is out, however fast."""
    tiers = [[0, 0, 1, NOT_ALLOWED]]
    assert stand_ins(facts([20, 21, 20, 19], tiers=tiers)) == [({0, 1}, {0, 1})]
    unreachable = facts([20, 20.5, 60, 61], availability=[[1, 0.5, 1, 1]], availability_n=[[40] * 4])
    assert stand_ins(unreachable) == [({0}, {0, 2, 3})]


def test_a_row_with_one_candidate_has_nobody() -> None:
    """It is merged with rows of the very same list only; and so without a limit."""
    only = facts([20, 21], tiers=[[0, NOT_ALLOWED]])
    assert stand_ins(only) == [(set(), set())]
    assert decide(facts([20, 21]), CHAIN, 3).stand_ins.shape == (1, 0)


def test_sets_of_more_pops_than_a_word_has_bits() -> None:
    """POP 70 is in the second word."""
    rng = np.random.default_rng(2)
    is_in = rng.random((50, 90)) < 0.1
    is_in[:, 70] = True
    sets = packed(is_in)
    assert sets.shape == (50, 2)
    for pop in (0, 63, 64, 70, 89):
        assert (holds(sets, np.full(50, pop, np.uint16)) == is_in[:, pop]).all()
    assert not holds(sets, np.full(50, 0xFFFF, np.uint16)).any()
    assert (least(sets) == is_in.argmax(axis=1)).all()
    gone = is_in.copy()
    gone[:, 70] = False
    assert (without(sets, np.full(50, 70, np.uint16)) == packed(gone)).all()


def test_nobody_comes_to_a_full_pop() -> None:
    """But whose own first it is keeps it."""
    both = facts([20, 21, 22], [21, 20, 22])
    found = decide(both, CHAIN, 3, loss_ms=5.0)
    left = spared(found.stand_ins, found.ranks[:, 0], np.array([1], np.uint16))
    first = [[holds(row[None, :1], np.array([p], np.uint16))[0] for p in range(3)] for row in left]
    assert first == [[True, False, True], [True, True, True]]
