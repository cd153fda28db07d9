from __future__ import annotations

from itm.routemap.health import State
from itm.routemap.mask import serve
from itm.steer.steps import BUILD_STEPS, up


def test_it_acts_at_answer_time_and_nowhere_else() -> None:
    """The function of the answering path is the step; no build runs it."""
    assert up is serve
    assert "up" not in BUILD_STEPS


def test_the_best_state_present_is_served() -> None:
    """The first of those that are up; with all down the first, and it is said so."""
    up_, down = State.UP, State.DOWN
    assert up([2, 0, 1], [up_, up_, up_]) == (2, False)
    assert up([2, 0, 1], [up_, up_, down]) == (0, False)
    assert up([1, 0], [down, down, up_]) == (1, True)
