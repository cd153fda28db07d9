from __future__ import annotations

import numpy as np

from itm.steer.classes import NOT_ALLOWED
from itm.steer.outcome import Change
from itm.steer.steps import Running, allowed, fastest, own
from tests.itm.steer.facts import facts


def test_scores_are_added_to_and_pops_dropped() -> None:
    """To a tenth, never below zero; whoever was out stays out."""
    f = facts([10, 20, 30, 40], tiers=[[0, 0, 0, NOT_ALLOWED]])
    before = fastest(allowed(Running.start(f), f), f)
    add_ms = np.array([[5.04, -30, 0, -40]], dtype=np.float32)
    got = own(before, Change(add_ms, np.array([[False, False, True, False]])))
    assert np.allclose(got.score, [[15, 0, 30, 0]])
    assert got.ranking()[0, :2].tolist() == [1, 0]
    assert got.is_out().tolist() == [[False, False, True, True]]
    assert got.wanted.tolist() == [1]
