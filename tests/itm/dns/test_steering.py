from __future__ import annotations

import numpy as np
import pytest

from itm.dns.steering import Steering
from itm.routemap.health import State
from itm.routemap.mask import serve
from itm.routemap.routemap import NO_POP
from tests.itm.routemap.worlds import random_class


@pytest.mark.parametrize("seed", range(6))
def test_locating_agrees_with_the_map(seed: int) -> None:
    """The laid-out form gives the POP and the scope that table and mask give."""
    one = random_class(seed, runs=2000)
    rng = np.random.default_rng(seed)
    states = [State(int(state)) for state in rng.integers(0, 4, 6)]
    steering = Steering(one, [State.UP] * 6)
    steering.apply(states)
    for table, locate in ((one.v4, steering.locate4), (one.v6, steering.locate6)):
        last = (1 << table.bits) - 1
        near = np.concatenate([table.start, table.start[1:] - table.start.dtype.type(1)]).tolist()
        for unit in [0, last, *near, *rng.integers(0, last, 300).tolist()]:
            leaf, scope = table.lookup(unit)
            pop = serve(one.order_of(leaf), states)[0]
            assert locate(unit) == (6 if pop == NO_POP else pop, scope)


def test_fail_open_is_told() -> None:
    """Serving a POP that is down is known."""
    steering = Steering(random_class(1), [State.UP] * 6)
    assert not steering.fail_open
    steering.apply([State.DOWN] * 6)
    assert steering.fail_open
