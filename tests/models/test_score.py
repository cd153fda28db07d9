from __future__ import annotations

import math

import numpy as np
import pytest

from models.score import against, regret_ms, score


def test_regret_is_what_the_choice_costs() -> None:
    """The chosen round trip less the best one."""
    truth = np.array([[10.0, 12.0], [30.0, 5.0]])
    assert regret_ms(truth, np.array([1, 1])).tolist() == [2.0, 0.0]


def test_score_counts_shares_and_tails() -> None:
    """Of ten clients one loses 20 ms and one 100."""
    value = score(np.array([0.0] * 8 + [20.0, 100.0]), np.zeros(10), np.empty(0))
    assert (value.regret_ms, value.within_10_ms, value.within_25_ms) == (12.0, 0.8, 0.9)
    assert value.regret_p90_ms == pytest.approx(28)
    assert math.isnan(value.error_ms)


def test_the_harmed_are_those_the_nearest_would_serve_faster() -> None:
    """By more than 5 ms; a long way lost either way harms nobody."""
    regrets, nearest = np.array([0.0, 5.0, 6.0, 100.0]), np.array([50.0, 0.0, 0.0, 100.0])
    assert score(regrets, nearest, np.empty(0)).harmed == 0.25


def test_the_interval_of_a_constant_ratio_is_a_point() -> None:
    """Paired: if every client loses half as much, no resample says otherwise."""
    other = np.random.default_rng(0).exponential(5, 200)
    ratio = against(other / 2, other, np.arange(200)).ratio
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_gain_is_what_the_other_loses_more() -> None:
    """In ms per client, with an interval around it."""
    other = np.random.default_rng(0).exponential(5, 200)
    gain = against(other / 2, other, np.arange(200)).gain_ms
    assert gain.value == pytest.approx(other.mean() / 2)
    assert 0 < gain.low < gain.value < gain.high


def test_the_interval_of_few_groups_is_wider() -> None:
    """Clients of one group are drawn together: the same regrets in ten groups say less than in 200."""
    random = np.random.default_rng(1)
    level = np.repeat(random.exponential(5, 10), 20)
    other = np.full(200, 10.0)
    apart = against(level, other, np.arange(200)).ratio
    together = against(level, other, np.arange(200) // 20).ratio
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert together.low < together.value < together.high
