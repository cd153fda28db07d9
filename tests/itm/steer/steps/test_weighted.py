from __future__ import annotations

import numpy as np
import pytest

from itm.steer.decide import decide
from itm.steer.steps import NO_POP, Running, allowed, fastest, sticky, weighted
from tests.itm.steer.facts import Facts, Rows, facts


def run(f: Facts) -> Running:
    return weighted(fastest(allowed(Running.start(f), f), f), f)


@pytest.mark.parametrize(
    ("weight", "share"),
    [(None, [0.5, 0.5, 0]), ([[3, 1, 9]], [0.75, 0.25, 0])],
)
def test_the_band_shares_by_weight_or_evenly(weight: Rows | None, share: list[float]) -> None:
    """Whoever is slower gets nothing, whatever its weight."""
    f = facts([20, 23, 40]) if weight is None else facts([20, 23, 40], weight=weight)
    assert run(f).share.tolist() == [share]


def test_one_who_has_no_equal_gets_everything() -> None:
    """That is no share, so `sticky` may keep whom it likes."""
    f = facts([20, 28], previous=[1])
    assert not run(f).share.any()
    assert sticky(run(f), f).best().tolist() == [1]


def test_without_fastest_the_first_pool_shares() -> None:
    """octoDNS' weights: the pool's values by lot, the next pool only when they are down."""
    f = facts([20, 90, 10], tiers=[[0, 0, 1]], weight=[[1, 3, 5]])
    assert weighted(allowed(Running.start(f), f), f).share.tolist() == [[0.25, 0.75, 0]]


def test_whoever_was_served_and_shares_stays_first() -> None:
    """A change of order among equals moves nobody; `sticky` finds nobody to keep."""
    f = facts([20, 21, 40], [20, 21, 40], previous=[1, 2], challenger=[0, 0])
    assert run(f).best().tolist() == [1, 0]
    assert sticky(run(f), f).ranking()[:, 0].tolist() == [1, 0]


def test_a_whole_pool_may_share() -> None:
    """As many candidates as the largest pool has POPs, though a leaf would hold two."""
    f = facts([20, 20, 20, 20, 20, 20], tiers=[[0, 0, 0, 0, 0, 1]])
    decision = decide(f, ("up", "allowed", "weighted"), 2)
    assert decision.shares.tolist() == [[51, 51, 51, 51, 51]]
    assert sorted(decision.ranks[0].tolist()) == [0, 1, 2, 3, 4]


def test_those_who_share_are_all_candidates_behind_first() -> None:
    """`first` takes away the others."""
    f = facts([20, 21, 40, 50])
    decision = decide(f, ("up", "fastest", "weighted", "first"), 4)
    assert decision.ranks.tolist() == [[0, 1, NO_POP, NO_POP]]
    assert np.count_nonzero(decision.shares) == 2
