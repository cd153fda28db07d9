from __future__ import annotations

import pytest

from itm.catalog.types import Margin, Tuning
from itm.steer.steps import Running, allowed, cost, fastest
from itm.steer.steps.fastest import band
from tests.itm.steer.facts import Facts, facts


def run(f: Facts) -> Running:
    return cost(fastest(allowed(Running.start(f), f), f), f)


def test_the_cheapest_of_the_band_is_first() -> None:
    """Whoever is slower than the band stays behind it in the order of speed, whatever the price."""
    assert run(facts([20, 23, 25, 26, 40], cost=[5, 3, 3, 1, 0])).ranking().tolist() == [[1, 2, 0, 3, 4]]


@pytest.mark.parametrize(
    ("trade", "first"),
    [(None, 0), (Margin(ms=6), 1), (Margin(ms=5), 0), (Margin(share=0.3), 1), (Margin(), 0)],
)
def test_the_service_says_how_much_latency_may_be_traded(trade: Margin | None, first: int) -> None:
    """In ms, or as a share of the best; nothing at all is a word, too."""
    f = facts([20, 26], cost=[2, 1], tuning=Tuning(trade=trade))
    assert run(f).best().tolist() == [first]


def test_equal_prices_leave_the_order_of_speed() -> None:
    """Nothing is traded for nothing."""
    assert run(facts([22, 21, 20], cost=[4, 4, 4])).ranking().tolist() == [[2, 1, 0]]


def test_a_pool_is_not_left_for_money() -> None:
    """A cheaper POP of a later pool stays behind."""
    assert run(facts([20, 20], cost=[9, 1], tiers=[[0, 1]])).best().tolist() == [0]


def test_steps_behind_find_the_cheap_ones_equal() -> None:
    """A band behind `cost` holds POPs of one price."""
    assert band(run(facts([20, 21, 22], cost=[2, 1, 1]))).tolist() == [[False, True, True]]
