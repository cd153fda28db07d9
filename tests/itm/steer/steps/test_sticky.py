from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps import NO_POP, Rest, Running, allowed, available, cost, fastest, sticky
from tests.itm.steer.facts import Facts, facts


def run(f: Facts) -> Running:
    return sticky(fastest(available(allowed(Running.start(f), f), f), f), f)


@pytest.mark.parametrize(
    ("own", "best", "challenger", "served"),
    [
        (40, 29, 1, 1),  # 11 ms better, seen before: left
        (40, 29, NO_POP, 0),  # seen for the first time: stays
        (40, 29, 2, 0),  # somebody else was better before: stays
        (40, 31, 1, 0),  # 9 ms are not large
        (200, 172, 1, 0),  # 28 ms are not large for 200
        (200, 168, 1, 1),  # 32 ms are
    ],
)
def test_when_the_served_pop_is_left(own: float, best: float, challenger: int, served: int) -> None:
    """Only for a gain of more than 10 ms and 15 %, by the same POP in two successive builds."""
    got = run(facts([own, best, 500], previous=[0], challenger=[challenger]))
    assert got.best().tolist() == [served]
    assert got.wanted.tolist() == [1]


def test_the_rest_of_the_list_stays_in_its_order() -> None:
    """The kept POP goes to the front, nothing else changes place."""
    assert run(facts([30, 26, 28, 27], previous=[0])).ranking().tolist() == [[0, 1, 3, 2]]


def test_where_nothing_was_served_the_best_is() -> None:
    """A first build has nothing to stick to."""
    assert run(facts([30, 26])).best().tolist() == [1]


def test_a_pop_that_is_not_allowed_any_more_is_left_at_once() -> None:
    """No challenger, no gain: what the rule forbids is not kept."""
    got = run(facts([10, 90], tiers=[[NOT_ALLOWED, 0]], previous=[0]))
    assert got.ranking().tolist() == [[1, 0]]


def test_a_pop_that_users_cannot_reach_is_left_at_once() -> None:
    """Unavailable is behind every pool: another tier, so nothing holds its clients."""
    got = run(facts([10, 90], previous=[0], availability=[[0.5, 1]], availability_n=[[40, 40]]))
    assert got.best().tolist() == [1]


def test_a_served_pop_of_a_later_pool_is_left_when_the_first_pool_is_back() -> None:
    """Pools are an order of preference, not only of failure."""
    assert run(facts([10, 90], tiers=[[1, 0]], previous=[0])).best().tolist() == [1]


def test_a_dear_pop_is_left_for_a_cheap_one_that_was_seen_twice() -> None:
    """Without any gain in ms; and a cheap one is not left for a dear one that is a little faster."""

    def priced(*rtt: float, challenger: int) -> int:
        f = facts(rtt, cost=[9, 1], previous=[0], challenger=[challenger])
        return int(sticky(cost(fastest(Running.start(f), f), f), f).best()[0])

    assert [priced(20, 22, challenger=who) for who in (NO_POP, 1)] == [0, 1]
    f = facts([20, 27], cost=[9, 1], previous=[1], challenger=[0])
    assert sticky(cost(fastest(Running.start(f), f), f), f).best().tolist() == [1]


def measured(f: Facts, low: list[float], high: list[float], weight: list[float]) -> Facts:
    ends = {name: np.array([row], np.float32) for name, row in (("low", low), ("high", high))}
    estimate = replace(f.estimate, **ends, weight=np.array([weight], np.float32))
    return replace(f, estimate=estimate)


@pytest.mark.parametrize(
    ("low", "high", "weight", "served"),
    [
        ([36, 30], [44, 35], [0.9, 0.9], 1),  # both measured, intervals apart: 8 ms are enough
        ([34, 30], [44, 36], [0.9, 0.9], 0),  # they overlap
        ([36, 30], [44, 35], [0.9, 0.0], 0),  # nobody measured the other: not for 8 ms
    ],
)
def test_a_certain_gain_need_not_be_large(
    low: list[float], high: list[float], weight: list[float], served: int
) -> None:
    """Where both POPs are measured and their intervals lie apart, max(2 ms, 5 %) are enough."""
    f = measured(facts([40, 32], previous=[0], challenger=[1]), low, high, weight)
    assert run(f).best().tolist() == [served]


@pytest.mark.parametrize(("share", "served"), [(0.0, 1), (1.0, 0)])
def test_a_percentage_stretches_the_interval_too(share: float, served: int) -> None:
    """Of 90 to 110 ms twice as much is 180 to 220, which 182 to 188 does not lie apart from."""
    own = 200 / (1 + share)
    f = facts([own, 185], handicap_share=[[share, 0]], previous=[0], challenger=[1])
    f = measured(f, [own - 10, 182], [own + 10, 188], [0.9, 0.9])
    assert run(f).best().tolist() == [served]


@pytest.mark.parametrize(("own_low", "served"), [(36, 1), (22, 0), (0, 0)])
def test_what_was_measured_moves_nobody_before_it_is_certain(own_low: float, served: int) -> None:
    """However large the gain: below eleven samples nothing says how fast a POP cannot be."""
    f = measured(facts([90, 20], previous=[0], challenger=[1]), [own_low, 18], [99, 24], [0.7, 0.0])
    assert run(f).best().tolist() == [served]


@pytest.mark.parametrize(
    ("resting", "left", "served"), [(False, NO_POP, 1), (True, NO_POP, 0), (False, 1, 0), (False, 2, 1)]
)
def test_a_row_that_moved_of_late_rests(resting: bool, left: int, served: int) -> None:
    """Nothing is better enough for it; nor, for longer, is the POP it came from."""
    f = facts([40, 20, 500], previous=[0], challenger=[1])
    f = replace(f, rest=Rest(np.array([resting]), np.array([left], np.uint16)))
    assert run(f).best().tolist() == [served]


def test_what_has_to_be_left_is_left_however_lately_it_was_taken() -> None:
    """Rest holds no row on a POP that its users cannot reach."""
    f = facts([10, 90], previous=[0], availability=[[0.5, 1]], availability_n=[[40, 40]])
    f = replace(f, rest=Rest(np.array([True]), np.array([1], np.uint16)))
    assert run(f).best().tolist() == [1]
