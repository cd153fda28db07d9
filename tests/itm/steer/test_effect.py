"""The effect of a change on a slice: what happens to everybody is none, chance rarely looks like one."""

from __future__ import annotations

import numpy as np
import pytest

from itm.steer import effect as module
from itm.steer.effect import effect


def sample(seed: int, count: int, share: float, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Changes with heavy tails (Student, 3 degrees, 10 ms), shifted inside; demand over two decades."""
    rng = np.random.default_rng(seed)
    inside = rng.random(count) < share
    change = 10 * rng.standard_t(3, count) + 25.0 + shift * inside
    return change, inside, 10 ** rng.uniform(0, 2, count)


def test_an_effect_is_found_and_what_everybody_has_is_none() -> None:
    """All are 25 ms slower than before, those inside another 30."""
    got = effect(*sample(1, 600, 0.2, 30.0), 0.99)
    assert got is not None
    assert got.low < 30 < got.high
    assert got.low > 10
    assert 30 < got.inside < 120 < got.outside


@pytest.mark.parametrize("shift", [0.0, 15.0])
def test_the_interval_covers_the_truth(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 95 % intervals, over 200 samples at least 90 % hold the effect: heavy tails and uneven demand."""
    monkeypatch.setattr(module, "DRAWS", 199)
    held = 0
    for seed in range(200):
        got = effect(*sample(seed, 160, 0.25, shift), 0.95)
        assert got is not None
        held += got.low <= shift <= got.high
    assert held >= 180


def test_the_same_evidence_gives_the_same_interval() -> None:
    """Nothing is drawn by the clock."""
    assert effect(*sample(3, 80, 0.3, 5.0), 0.9) == effect(*sample(3, 80, 0.3, 5.0), 0.9)


def test_one_network_is_no_group() -> None:
    """Inside or outside."""
    change, weight = np.arange(9.0), np.ones(9)
    assert effect(change, np.arange(9) < 1, weight, 0.9) is None
    assert effect(change, np.arange(9) < 8, weight, 0.9) is None


def test_changes_that_are_all_alike_leave_no_doubt() -> None:
    """Without any spread the interval is a point."""
    got = effect(np.where(np.arange(9) < 3, 4.0, 1.0), np.arange(9) < 3, np.ones(9), 0.9)
    assert got is not None
    assert (got.low, got.estimate, got.high) == (3.0, 3.0, 3.0)
