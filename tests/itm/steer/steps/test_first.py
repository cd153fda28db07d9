from __future__ import annotations

from itm.steer.decide import decide
from itm.steer.steps import NO_POP, Running, fastest, first
from tests.itm.steer.facts import facts


def test_one_candidate_is_left() -> None:
    """The others are no candidates of the row, and not out of the running."""
    f = facts([30, 10, 20])
    got = first(fastest(Running.start(f), f), f)
    assert got.is_alone.all()
    assert not got.is_out().any()
    assert decide(f, ("up", "fastest", "first"), 3).ranks.tolist() == [[1, NO_POP, NO_POP]]


def test_lists_that_agree_in_the_first_become_equal() -> None:
    """That is what it is for: fewer leaves, wider scopes."""
    f = facts([10, 20, 30], [10, 30, 20])
    with_, without = (decide(f, ("up", "fastest", *more), 3).ranks for more in (("first",), ()))
    assert with_[0].tolist() == with_[1].tolist()
    assert without[0].tolist() != without[1].tolist()
