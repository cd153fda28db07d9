from __future__ import annotations

import math

import numpy as np
import pytest

from collectors.orderstatistics import DOUBT, quartile_shares


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [
        (0, math.nan, math.nan),
        (2, math.nan, math.nan),
        (3, math.nan, 1.0),  # all three lie below the quartile once in 64
        (10, math.nan, 0.6),
        (11, 1 / 11, 6 / 11),  # none of eleven lies below it: 4.2 %
        (20, 2 / 20, 9 / 20),
        (20.9, 2 / 20, 9 / 20),
    ],
)
def test_the_ends_by_hand(n: float, low: float, high: float) -> None:
    """As the binomial distribution has it; a part of a value is none."""
    got = quartile_shares(np.array([n]))[:, 0].tolist()
    assert got == pytest.approx([low, high], nan_ok=True)


def test_beyond_the_table_the_ends_go_on() -> None:
    """Where the normal approximation takes over nothing jumps by more than a rank or two."""
    near = quartile_shares(np.array([256.0, 257.0]))
    assert np.abs(near[:, 0] - near[:, 1]).max() < 2 / 256


@pytest.mark.parametrize("n", [11, 20, 50, 400])
def test_each_end_fails_as_seldom_as_it_says(n: int) -> None:
    """Of lognormal samples, as of any: the quartile lies beyond one end in 5 % at most."""
    samples = np.sort(np.random.default_rng(n).lognormal(0, 1, (20_000, n)), axis=1)
    truth = math.exp(-0.674_490)
    low, high = (np.ceil(quartile_shares(np.array([float(n)]))[:, 0] * n - 1e-9) - 1).astype(int)
    assert (samples[:, low] > truth).mean() < DOUBT + 0.006
    assert (samples[:, high] < truth).mean() < DOUBT + 0.006
