from __future__ import annotations

import numpy as np

from itm.config import Probe
from itm.routemap.health import State
from itm.simulate.faults.checks import Checks
from itm.steer.health import Override
from tests.itm.simulate.faults.stand import small


def checks() -> Checks:
    return Checks(small().catalog.pops, Probe(), 1000.0, 0)


def test_a_dead_pop_is_down_after_three_failures_and_up_after_two_successes() -> None:
    """Within three intervals, mostly sooner: who fails once is looked at again after a second."""
    one, up = checks(), np.ones(14, np.bool_)
    one.until(1030.0, up)
    assert set(one.states(1030.0)) == {State.UP}
    dead = up.copy()
    dead[2] = False
    one.until(1045.0, dead)
    assert one.states(1045.0)[2] == State.DOWN
    assert one.states(1045.0).count(State.UP) == 13
    one.until(1060.0, up)
    assert set(one.states(1060.0)) == {State.UP}


def test_an_operators_word_holds() -> None:
    """A drained POP is drained whatever its checks say."""
    one = checks()
    one.overrides[small().catalog.pops[0].id] = Override(State.DRAINED)
    assert one.states(1000.0)[0] == State.DRAINED
