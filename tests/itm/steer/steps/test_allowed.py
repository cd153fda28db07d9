from __future__ import annotations

from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps import Running, allowed
from tests.itm.steer.facts import facts


def test_pools_are_tiers_in_the_order_of_the_rule() -> None:
    """POPs of the first pool run before those of the second; POPs of no pool are out."""
    f = facts([1, 2, 3], tiers=[[1, NOT_ALLOWED, 0]])
    got = allowed(Running.start(f), f)
    assert got.ranking().tolist() == [[2, 0, 1]]
    assert got.is_out().tolist() == [[False, True, False]]


def test_each_row_has_its_own_rule() -> None:
    """Rows of one batch may obey different rules."""
    f = facts([1, 2], [1, 2], tiers=[[0, NOT_ALLOWED], [NOT_ALLOWED, 0]])
    assert allowed(Running.start(f), f).best().tolist() == [0, 1]


def test_a_demotion_by_an_earlier_step_is_kept() -> None:
    """Whoever stands behind already does not come forward because a pool names it first."""
    f = facts([1, 2], tiers=[[0, 1]])
    before = Running.start(f)
    before.tier[0, 0] = 100
    got = allowed(before, f)
    assert got.tier.tolist() == [[100, 1]]


def test_a_rule_without_any_pop_leaves_nobody() -> None:
    """Everyone is out; what is answered then is the service's last resort."""
    f = facts([1, 2], tiers=[[NOT_ALLOWED, NOT_ALLOWED]])
    assert allowed(Running.start(f), f).is_out().all()
