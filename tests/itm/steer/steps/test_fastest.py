from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps import Running, allowed, fastest
from itm.steer.steps.fastest import band, handicap_ms
from tests.itm.steer.facts import facts


def test_the_least_estimate_with_its_bias_wins() -> None:
    """A bias of 10 ms costs a POP a lead of 8."""
    f = facts([20, 12, 30], bias=[0, 10, 0])
    got = fastest(Running.start(f), f)
    assert got.ranking().tolist() == [[0, 1, 2]]
    assert got.score.tolist() == [[20, 22, 30]]
    assert got.wanted.tolist() == [0]


def test_a_handicap_is_ms_or_a_share_and_may_differ_by_rule() -> None:
    """A tenth of 100 ms is 10; the second row's rule has 30 ms for the first POP, and its bias besides."""
    f = facts(
        [100, 105],
        [100, 105],
        bias=[1, 0],
        handicap_share=[[0.1, 0], [0, 0]],
        handicap_ms=[[0, 0], [30, 0]],
    )
    got = fastest(Running.start(f), f)
    assert got.score.tolist() == [[111, 105], [131, 105]]
    assert got.best().tolist() == [1, 1]


def test_a_percentage_is_of_the_unsteadiness_too() -> None:
    """What is told as the handicap is what was added: half of 100 ms and of 20 that a bad quarter costs."""
    f = facts([100, 50], handicap_share=[[0.5, 0]])
    f = replace(f, estimate=replace(f.estimate, unsteady_ms=np.array([[20, 0]], np.float32)))
    assert handicap_ms(f).tolist() == [[60, 0]]
    assert fastest(Running.start(f), f).score.tolist() == [[180, 50]]


def test_a_bias_never_makes_a_time_negative() -> None:
    """Two POPs favoured below zero are equal: catalog order decides."""
    f = facts([5, 4], bias=[-50, -50])
    assert fastest(Running.start(f), f).ranking().tolist() == [[0, 1]]


def test_differences_below_a_tenth_are_none() -> None:
    """Scores are tenths of a millisecond: what is finer is noise."""
    f = facts([10.04, 10.01, 9.96])
    assert fastest(Running.start(f), f).ranking().tolist() == [[0, 1, 2]]


def test_pools_come_before_speed() -> None:
    """The fastest POP of a later pool does not overtake; one that is out is not wanted."""
    f = facts([50, 1, 40], tiers=[[0, NOT_ALLOWED, 1]])
    got = fastest(allowed(Running.start(f), f), f)
    assert got.wanted.tolist() == [0]
    assert got.ranking().tolist() == [[0, 2, 1]]


@pytest.mark.parametrize(
    ("rtt", "equal"),
    [
        ([10, 15, 15.2], [True, True, False]),  # 5 ms where a tenth is less
        ([100, 110, 110.2], [True, True, False]),  # a tenth where that is more
    ],
)
def test_the_band(rtt: list[float], equal: list[bool]) -> None:
    """Equal to the best is who is within the larger of 5 ms and a tenth of it."""
    f = facts(rtt)
    assert band(fastest(Running.start(f), f))[0].tolist() == equal


def test_the_band_stays_within_the_pool() -> None:
    """A POP of another pool is not equal, however near."""
    f = facts([10, 10], tiers=[[0, 1]])
    got = band(fastest(allowed(Running.start(f), f), f))
    assert np.array_equal(got, [[True, False]])
