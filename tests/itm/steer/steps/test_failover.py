from __future__ import annotations

from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps import Running, allowed, available, failover, fastest
from tests.itm.steer.facts import facts


def test_pools_and_values_stand_in_the_order_written() -> None:
    """Whatever was measured: the first value of the first pool comes first."""
    f = facts([1, 2, 3, 4], tiers=[[1, 0, 0, NOT_ALLOWED]], position=[[0, 1, 0, 0]])
    got = failover(fastest(allowed(Running.start(f), f), f), f)
    assert got.ranking().tolist() == [[2, 1, 0, 3]]
    assert got.wanted.tolist() == [2]
    assert got.score.tolist() == [[1, 2, 3, 4]]


def test_pools_are_in_order_without_allowed_too() -> None:
    """The order of pools is half of what a failover list says."""
    f = facts([1, 2], tiers=[[1, 0]], position=[[0, 0]])
    assert failover(Running.start(f), f).ranking().tolist() == [[1, 0]]


def test_whom_users_cannot_reach_stays_behind() -> None:
    """A strict order is one of the POPs that work."""
    f = facts([1, 2], position=[[0, 1]], availability=[[0.1, 1]], availability_n=[[50, 50]])
    assert failover(available(Running.start(f), f), f).ranking().tolist() == [[1, 0]]
