from __future__ import annotations

import numpy as np
import pytest

from itm.dns.steering import Steering
from itm.routemap.health import State
from itm.routemap.mask import is_calm, serve
from itm.routemap.routemap import NO_POP, ClassMap
from tests.itm.routemap.worlds import random_class


@pytest.mark.parametrize("seed", range(6))
def test_locating_agrees_with_the_map(seed: int) -> None:
    """The laid-out form gives the POP, the class of TTL and the scope that table and mask give."""
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
            assert locate(unit) == (served(one, leaf, states), scope)


def test_fail_open_is_told() -> None:
    """Serving a POP that is down is known."""
    steering = Steering(random_class(1), [State.UP] * 6)
    assert not steering.fail_open
    steering.apply([State.DOWN] * 6)
    assert steering.fail_open


def test_resolvers_have_rows_of_their_own() -> None:
    """A learned resolver is answered by its leaf, under the states of now; any other by where it is."""
    one = random_class(3)
    states = [State.DOWN, State.UP, State.UP, State.DOWN, State.UP, State.UP]
    steering = Steering(one, states)
    for family, table, clients in ((4, one.resolvers4, one.v4), (6, one.resolvers6, one.v6)):
        for unit, leaf in zip(table.unit.tolist(), table.leaf.tolist(), strict=True):
            assert steering.locate_resolver(family, unit) == served(one, leaf, states)
            assert one.resolver_leaf(family, unit) == leaf
            beside = unit ^ 1
            where = clients.lookup(beside)[0]
            assert steering.locate_resolver(family, beside) == served(one, where, states)


def served(one: ClassMap, leaf: int, states: list[State]) -> int:
    """The body of a leaf that is answered by one POP."""
    order, shares = one.order_of(leaf), one.shares_of(leaf)
    pop = serve(order, states, shares)[0]
    return (6 if pop == NO_POP else pop) + 7 * one.ttl_of(leaf) * is_calm(order, states, shares)
