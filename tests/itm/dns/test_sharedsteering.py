from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from itm.dns.sharedsteering import SharedSteering, steering_of
from itm.dns.steering import Steering
from itm.routemap.health import State
from itm.routemap.mask import is_calm, portions_of
from itm.routemap.routemap import ClassMap
from tests.itm.routemap.worlds import random_class

DRAWS = 255 * 4
STATES = [[State.UP] * 6, [State.UP, State.DOWN, State.DEGRADED, State.UP, State.DRAINED, State.UP]]


def drawn(one: ClassMap, states: list[State], leaf: int) -> Counter[int]:
    """How often each POP is answered for a leaf's network when chance runs evenly over 0..1."""
    chance = itertools.cycle(n / DRAWS for n in range(DRAWS))
    steering = SharedSteering(one, [State.UP] * 6, lambda: next(chance))
    steering.apply(states)
    run = int(np.flatnonzero(one.v4.leaf == leaf)[0])
    unit = int(one.v4.start[run])
    bodies = Counter(steering.locate4(unit)[0] for _ in range(DRAWS))
    calm = is_calm(one.order_of(leaf), states, one.shares_of(leaf))
    assert {body // 7 for body in bodies} == {one.ttl_of(leaf) * calm}
    return Counter({body % 7: count for body, count in bodies.items()})


@pytest.mark.parametrize("states", STATES)
def test_answers_are_drawn_by_share(states: list[State]) -> None:
    """Of many answers each POP of the best state present gets its share of them."""
    one = random_class(5)
    for leaf in set(one.v4.leaf.tolist()):
        portions = portions_of(one.order_of(leaf), states, one.shares_of(leaf))
        found = drawn(one, states, leaf)
        if len(portions) > 1:
            assert dict(found) == {
                pop: pytest.approx(share * DRAWS, abs=1.01) for pop, share in portions.items() if share
            }
        else:
            assert len(found) == 1


@pytest.mark.parametrize("seed", range(3))
def test_scopes_are_those_of_the_map(seed: int) -> None:
    """Drawing changes no scope, and what is not shared is answered as without it."""
    one, states = random_class(seed), STATES[1]
    plain, shared = Steering(one, states), SharedSteering(one, states)
    for table, a, b in ((one.v4, plain.locate4, shared.locate4), (one.v6, plain.locate6, shared.locate6)):
        for unit in table.start.tolist():
            body, scope = b(unit)
            assert scope == a(unit)[1]
            leaf = table.lookup(unit)[0]
            if len(portions_of(one.order_of(leaf), states, one.shares_of(leaf))) < 2:
                assert body == a(unit)[0]


def test_resolvers_are_answered_by_lot_as_clients_are() -> None:
    """The resolver map draws as well, from the POPs of its own leaf."""
    one = random_class(3)
    chance = itertools.cycle((0.0, 0.3, 0.6, 0.999))
    steering = SharedSteering(one, STATES[0], lambda: next(chance))
    for unit, leaf in zip(one.resolvers4.unit.tolist(), one.resolvers4.leaf.tolist(), strict=True):
        found = {steering.locate_resolver(4, unit) % 7 for _ in range(8)}
        portions = portions_of(one.order_of(leaf), STATES[0], one.shares_of(leaf))
        assert found <= set(portions) if portions else len(found) == 1


def test_only_a_class_with_shares_draws() -> None:
    """Any other has no lots to look for."""
    assert type(steering_of(random_class(1), STATES[0])) is SharedSteering
    assert type(steering_of(random_class(1, ranks=0), STATES[0])) is Steering
