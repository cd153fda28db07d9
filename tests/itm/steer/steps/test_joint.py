from __future__ import annotations

from itm.steer.steps import NO_POP, Running, fastest, joint, sticky
from tests.itm.steer.facts import Facts, facts


def run(f: Facts) -> Running:
    return joint(fastest(Running.start(f), f), f)


def test_both_legs_count() -> None:
    """The nearest POP of a client is not the best one when the desktop is at the other end of the world."""
    got = run(facts([8, 70, 20], leg=[160, 5, 150]))
    assert got.score.tolist() == [[168, 75, 170]]
    assert got.best().tolist() == got.wanted.tolist() == [1]


def test_who_would_be_first_by_the_client_s_leg_alone_is_kept() -> None:
    """So that the gain can be told: here 93 ms."""
    got = run(facts([8, 70, 20], leg=[160, 5, 150]))
    assert got.nearest.tolist() == [0]
    assert got.score[0, got.nearest[0]] - got.score[0, got.best()[0]] == 93


def test_without_the_step_nobody_is_nearest() -> None:
    """There is nothing to compare with."""
    f = facts([8, 70])
    assert fastest(Running.start(f), f).nearest.tolist() == [NO_POP]


def test_sticky_weighs_the_whole_way() -> None:
    """A gain of 12 ms is large for a client's leg of 20, and small for a way of 120."""
    f = facts([32, 20], leg=[100, 100], previous=[0], challenger=[1])
    assert sticky(fastest(Running.start(f), f), f).best().tolist() == [1]
    assert sticky(run(f), f).best().tolist() == [0]
