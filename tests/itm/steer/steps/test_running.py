from __future__ import annotations

from dataclasses import replace

import numpy as np

from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps import NO_POP, Running
from tests.itm.steer.facts import facts


def running(tier: list[int], score: list[float], first: int = NO_POP) -> Running:
    start = Running.start(facts(score))
    return start.but(
        tier=np.array([tier], dtype=np.uint8),
        score=np.array([score], dtype=np.float32),
        first=np.array([first], dtype=np.uint16),
    )


def test_everyone_starts_in_catalog_order() -> None:
    """Before the first step nobody is out, put first or wanted."""
    start = Running.start(facts([9, 8, 7], [1, 2, 3]))
    assert start.ranking().tolist() == [[0, 1, 2], [0, 1, 2]]
    assert not start.is_out().any()
    assert start.first.tolist() == start.wanted.tolist() == [NO_POP, NO_POP]


def test_the_tier_counts_before_the_score() -> None:
    """A POP of a better tier stands before a faster one of a worse tier; who is out stands last."""
    got = running([1, 0, NOT_ALLOWED, 0], [1.0, 60_000.0, 0.0, 50.0])
    assert got.ranking().tolist() == [[3, 1, 0, 2]]
    assert got.is_out().tolist() == [[False, False, True, False]]


def test_the_order_counts_between_tier_and_score() -> None:
    """Exactly, at the ends of what each may hold."""
    got = running([0, 0, 0, 1], [0.1, 90_000.0, 0.0, 0.0])
    got = got.but(order=np.array([[65_535, 0, 65_535, 0]], dtype=np.uint16))
    assert got.ranking().tolist() == [[1, 2, 0, 3]]
    far = running([254, 254], [99_999.9, 99_999.8]).but(order=np.full((1, 2), 65_535, dtype=np.uint16))
    assert far.ranking().tolist() == [[1, 0]]


def test_ties_stay_in_catalog_order() -> None:
    """Equal tiers and scores keep the catalog's order, so that a build is reproducible."""
    got = running([0] * 40, [7.0] * 40)
    assert got.ranking().tolist() == [list(range(40))]
    assert got.best().tolist() == [0]


def test_who_is_put_first_is_first_whatever_its_score() -> None:
    """`first` precedes even a score of zero."""
    got = running([0, 0, 0], [0.0, 9.0, 5.0], first=1)
    assert got.ranking().tolist() == [[1, 0, 2]]
    assert got.best().tolist() == [1]


def test_nobody_who_is_out_is_put_first() -> None:
    """A step behind `sticky` may drop the POP it kept: then the rest run as if it had not been kept."""
    got = running([0, NOT_ALLOWED, 0], [8.0, 1.0, 5.0], first=1)
    assert got.ranking().tolist() == [[2, 0, 1]]
    assert got.best().tolist() == [2]


def test_the_best_is_the_head_of_the_ranking() -> None:
    """Both read the same order, on random states."""
    rng = np.random.default_rng(3)
    state = Running.start(facts(*[[0] * 7] * 200)).but(
        tier=rng.choice(np.array([0, 1, 100, NOT_ALLOWED], dtype=np.uint8), (200, 7)),
        order=rng.integers(0, 3, (200, 7)).astype(np.uint16),
        score=rng.integers(0, 4, (200, 7)).astype(np.float32),
        first=rng.choice(np.array([0, 3, NO_POP], dtype=np.uint16), 200),
    )
    assert np.array_equal(state.best(), state.ranking()[:, 0])


def test_a_state_is_replaced_not_changed() -> None:
    """`but` leaves the state it is called on alone."""
    before = running([0, 0], [1.0, 2.0])
    after = before.but(score=np.array([[2.0, 1.0]], dtype=np.float32))
    assert (before.best().tolist(), after.best().tolist()) == ([0], [1])
    assert np.array_equal(after.tier, replace(before).tier)
