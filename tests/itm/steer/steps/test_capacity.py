from __future__ import annotations

from dataclasses import replace

import numpy as np

from itm.steer.decide import decide
from itm.steer.steps import NO_POP, Facts, Grants, Running, allowed, capacity, fastest, sticky, weighted
from tests.itm.steer.facts import facts

CHAIN = ("allowed", "fastest", "capacity", "sticky")


def granted(of: Facts, *share: list[float], spare: int = NO_POP) -> Facts:
    rows = np.array(share, dtype=np.float32)
    return replace(of, granted=Grants(rows, np.full(len(rows), spare, np.uint16)))


def run(f: Facts) -> Running:
    return capacity(fastest(allowed(Running.start(f), f), f), f)


def test_nothing_granted_changes_nothing() -> None:
    f = facts([10, 20, 30])
    assert run(f).ranking().tolist() == [[0, 1, 2]]
    assert run(granted(f, [0, 0, 0])).ranking().tolist() == [[0, 1, 2]]


def test_what_was_not_granted_stands_behind_in_its_order() -> None:
    """Also a POP of another pool that was granted comes first."""
    assert run(granted(facts([10, 20, 30]), [0, 0, 1])).ranking().tolist() == [[2, 0, 1]]
    pools = facts([10, 20, 30], tiers=[[0, 0, 1]])
    assert run(granted(pools, [0, 0, 1])).ranking().tolist() == [[2, 0, 1]]


def test_a_row_on_a_border_is_shared() -> None:
    got = run(granted(facts([10, 20, 30]), [0.25, 0.75, 0]))
    assert got.ranking().tolist() == [[0, 1, 2]]
    assert got.share.tolist() == [[0.25, 0.75, 0]]
    assert run(granted(facts([10, 20, 30]), [0, 1, 0])).share.tolist() == [[0, 0, 0]]


def test_a_spare_stands_second_whoever_is_first() -> None:
    got = run(granted(facts([10, 20, 30, 40]), [0, 0, 0, 0], spare=3))
    assert got.ranking().tolist() == [[0, 3, 1, 2]]
    kept = sticky(got, replace(facts([10, 20, 30, 40], previous=[1])))
    assert kept.ranking().tolist() == [[1, 3, 0, 2]]
    assert run(granted(facts([10, 20, 30]), [0, 0, 0], spare=0)).ranking().tolist() == [[0, 1, 2]]


def test_a_full_pop_is_left_and_still_wanted() -> None:
    """`sticky` keeps nobody there; that the chain wants it is remembered; the move is not mandatory."""
    f = granted(facts([10, 20, 30], previous=[0]), [0, 1, 0])
    got = decide(f, CHAIN, 3)
    assert got.ranks.tolist() == [[1, 0, 2]]
    assert got.wanted.tolist() == [0]
    assert got.mandatory.tolist() == [False]
    assert got.gain_ms.tolist() == [-10]


def test_answers_are_not_shared_with_a_full_pop() -> None:
    got = weighted(run(granted(facts([10, 11, 12]), [0, 1, 0])), facts([10, 11, 12]))
    assert got.share.tolist() == [[0, 0, 0]]
