from __future__ import annotations

import numpy as np
import pytest

from itm.routemap.health import State
from itm.routemap.mask import choices, is_calm, lots, portions_of, reachable, serve, ttls
from itm.routemap.routemap import NO_POP, PopAnswer
from tests.itm.routemap.worlds import random_class

UP, DEGRADED, DRAINED, DOWN = State


@pytest.mark.parametrize(
    ("order", "states", "served"),
    [
        ([2, 0, 1], [UP, UP, UP], (2, False)),
        ([2, 0, 1], [UP, UP, DOWN], (0, False)),
        ([2, 0, 1], [DRAINED, DEGRADED, DOWN], (1, False)),
        ([2, 0, 1], [DRAINED, DOWN, DOWN], (0, False)),
        ([2, 0, 1], [DOWN, DOWN, DOWN], (2, True)),
        ([2, 0], [DOWN, UP, DOWN], (2, True)),
        ([], [UP], (NO_POP, False)),
    ],
)
def test_first_candidate_of_the_best_state(
    order: list[int], states: list[State], served: tuple[int, bool]
) -> None:
    """up < degraded < drained < down; all down fails open to the first."""
    assert serve(order, states) == served


@pytest.mark.parametrize("seed", range(8))
def test_choices_agree_with_serve(seed: int) -> None:
    """Vectorised and single masking are one rule, whatever the states."""
    one = random_class(seed, ranks=seed % 4)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        states = [State(int(s)) for s in rng.choice(4, 6, p=[0.3, 0.2, 0.2, 0.3])]
        every = range(len(one.leaves))
        expected = [serve(one.order_of(leaf), states, one.shares_of(leaf))[0] for leaf in every]
        assert choices(one, states).tolist() == expected
        drawn = lots(one, states)
        portions = [portions_of(one.order_of(leaf), states, one.shares_of(leaf)) for leaf in every]
        assert drawn.leaf.tolist() == [leaf for leaf in every if len(portions[leaf]) > 1]
        for leaf, share in zip(drawn.leaf, drawn.share.tolist(), strict=True):
            own = {int(pop): part for pop, part in zip(one.leaves[leaf], share, strict=True) if part}
            assert own == pytest.approx(portions[leaf])
        calm = [is_calm(one.order_of(leaf), states, one.shares_of(leaf)) for leaf in every]
        assert ttls(one, states).tolist() == [one.ttl_of(leaf) * calm[leaf] for leaf in every]


@pytest.mark.parametrize(
    ("states", "portions", "served"),
    [
        ([UP, UP, UP], {2: 0.6, 1: 0.4}, 2),
        ([UP, UP, DEGRADED], {1: 1.0}, 1),
        ([DEGRADED, DEGRADED, DEGRADED], {2: 0.6, 1: 0.4}, 2),
        ([UP, DOWN, DEGRADED], {}, 0),  # nobody of the best state has a share: the first of it
        ([DOWN, DOWN, DOWN], {2: 0.6, 1: 0.4}, 2),
    ],
)
def test_shares_hold_among_the_candidates_of_the_best_state(
    states: list[State], portions: dict[int, float], served: int
) -> None:
    """Of those, each gets its share of the rest; the TTL is the least while one of them is not up."""
    assert is_calm([2, 0, 1], states, [153, 0, 102]) == (states == [UP, UP, UP])
    assert portions_of([2, 0, 1], states, [153, 0, 102]) == pytest.approx(portions)
    assert serve([2, 0, 1], states, [153, 0, 102])[0] == served


@pytest.mark.parametrize("seed", range(3))
def test_one_scope_one_answer_with_each_pop_masked(seed: int) -> None:
    """With each POP masked in turn, no two addresses of one scope get different answers."""
    one = random_class(seed)
    rng = np.random.default_rng(seed)
    for masked in range(-1, 6):
        states = [State.DOWN if pop == masked else State.UP for pop in range(6)]
        served = choices(one, states)
        for family, table in ((4, one.v4), (6, one.v6)):
            units = [*table.start.tolist(), *rng.integers(0, 1 << table.bits, 50).tolist()]
            for unit in units:
                leaf, length = one.lookup(family, unit)
                size = 1 << (table.bits - length)
                first = unit // size * size
                inside = np.append(rng.integers(first, first + size, 8), [first, first + size - 1])
                assert set(served[table.leaves_of(inside)].tolist()) == {int(served[leaf])}


@pytest.mark.parametrize(
    ("down", "ipv4", "ipv6"),
    [
        ("", "ab", "c"),
        ("a", "b", "c"),
        ("ab", "", "c"),
        ("abc", "ab", "c"),
        ("z", "ab", "c"),
    ],
)
def test_addresses_of_a_pop(down: str, ipv4: str, ipv6: str) -> None:
    """Those that are up; a family may end up empty, all of them never: then none is taken out."""
    pop = PopAnswer("p", ("a", "b"), ("c",))
    assert reachable(pop, set(down)) == PopAnswer("p", tuple(ipv4), tuple(ipv6))
