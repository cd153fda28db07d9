"""The slice: a share of places, the same ones for a seed, whatever they weigh."""

from __future__ import annotations

import numpy as np
import pytest

from itm.steer.slice import Slice

KEYS = np.arange(1, 200_001, dtype=np.uint64) << np.uint64(20)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_about_its_share_is_inside(share: float) -> None:
    """Of 200,000 places, within five standard deviations."""
    inside = Slice(share, 7).has(KEYS)
    assert abs(inside.mean() - share) < 5 * np.sqrt(share * (1 - share) / len(KEYS))


def test_the_same_seed_draws_the_same_places() -> None:
    """And a larger share keeps them; another seed draws others; half of a seventh is in both."""
    small, large, other = (Slice(*wanted).has(KEYS) for wanted in ((0.05, 7), (0.1, 7), (0.05, 8)))
    assert (large & small).sum() == small.sum()
    assert abs((other & small).sum() - 0.05 * small.sum()) < 120


def test_nobody_and_everybody() -> None:
    """The ends."""
    assert not Slice(0.0, 1).has(KEYS).any()
    assert Slice(1.0, 1).has(KEYS).all()
