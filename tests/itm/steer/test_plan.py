from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from itm.errors import UnsafePlan
from itm.steer.decide import Decision
from itm.steer.plan import Plan, limited, plan
from itm.steer.steps import GONE_POP, NO_POP

POPS = ("a", "b", "c")


def decision(first: Sequence[int], gain: Sequence[float], mandatory: Sequence[int] = ()) -> Decision:
    """Rows that want `first`, with the other POPs behind it; `mandatory` are row numbers."""
    order = [[p, *(q for q in range(3) if q != p)] if p != NO_POP else [NO_POP] * 3 for p in first]
    must = np.isin(np.arange(len(first)), list(mandatory))
    ranks = np.array(order, dtype=np.uint16)
    shares, ttl = np.zeros((len(first), 3), np.uint8), np.zeros(len(first), np.uint8)
    return Decision(
        ranks,
        ranks[:, 0],
        np.array(gain, dtype=np.float32),
        must,
        shares,
        ttl,
        np.zeros(len(ranks), dtype=np.float32),
        ranks[:, :0],
        np.zeros((len(ranks), 0), dtype=np.float32),
        np.zeros((len(ranks), 0), dtype=np.uint64),
    )


def pops(*numbers: int) -> npt.NDArray[np.uint16]:
    return np.array(numbers, dtype=np.uint16)


def weights(*numbers: float) -> npt.NDArray[np.float32]:
    return np.array(numbers, dtype=np.float32)


def test_moves_gains_and_loads_are_weighed_by_demand() -> None:
    """Of ten units three move for a gain and one at a loss, which nobody could avoid."""
    got = plan(decision([1, 1, 0], [20, -8, 5], [1]), pops(0, 0, 0), weights(3, 1, 6), POPS)
    assert got.moved_share == pytest.approx(0.4)
    assert got.mandatory_share == pytest.approx(0.1)
    assert got.gained_ms == pytest.approx(6.0)
    assert got.lost_ms == pytest.approx(0.8)
    assert got.load == {"a": 0.6, "b": 0.4, "c": 0.0}
    assert got.load_before == {"a": 1.0, "b": 0.0, "c": 0.0}


def test_what_was_never_served_has_not_moved() -> None:
    """A first map moves nobody, and its load before is its load."""
    got = plan(decision([1, 2], [0, 0]), pops(NO_POP, NO_POP), weights(1, 1), POPS)
    assert got.moved_share == 0
    assert got.load == got.load_before == {"a": 0.0, "b": 0.5, "c": 0.5}


def test_a_row_that_loses_its_only_pop_has_moved() -> None:
    """Nothing served after something served is a change, and no POP's load."""
    got = plan(decision([NO_POP], [0], [0]), pops(1), weights(4), POPS)
    assert (got.moved_share, got.mandatory_share) == (1.0, 1.0)
    assert sum(got.load.values()) == 0


def test_a_row_whose_pop_is_gone_has_moved() -> None:
    """Taking a POP out of the catalog moves all that it served."""
    got = plan(decision([1, 1], [0, 0], [0]), pops(GONE_POP, 1), weights(3, 1), POPS)
    assert (got.moved_share, got.mandatory_share) == (0.75, 0.75)
    assert got.load_before == {"a": 0.0, "b": 0.25, "c": 0.0}


def test_a_plan_is_json() -> None:
    """What the store keeps and the API shows."""
    got = plan(decision([1], [9]), pops(0), weights(1), POPS)
    assert json.loads(json.dumps(got.as_dict()))["moved_share"] == 1.0


def test_an_unsafe_plan_is_refused_with_the_numbers() -> None:
    """The message has the share, the limit and what would be won and lost; force overrules it."""
    unsafe = Plan(0.412, 0.0, 0.0, 1.25, 7.5)
    with pytest.raises(UnsafePlan, match=r"41\.2% of demand .*limit 30%; gained 1\.25 ms, lost 7\.50 ms"):
        unsafe.raise_if_unsafe(0.3, force=False)
    unsafe.raise_if_unsafe(0.3, force=True)
    Plan(0.3, 0.0, 0.0, 0.0, 0.0).raise_if_unsafe(0.3, force=False)


def test_within_the_limit_everything_moves() -> None:
    """Nothing is held, the decision is the one that came in."""
    whole = decision([1, 0], [20, 0])
    got, told, held = limited(whole, pops(0, 0), weights(1, 3), POPS, 0.25)
    assert got is whole
    assert (told.moved_share, told.held_share, held.tolist()) == (0.25, 0.0, [])


def test_the_largest_gains_move_first() -> None:
    """Half of demand may move: the rows of the two largest gains; the others keep their POP in front."""
    got, told, held = limited(
        decision([1, 1, 1, 1], [5, 20, 11, 30]), pops(0, 2, 0, 0), weights(1, 1, 1, 1), POPS, 0.5
    )
    assert got.ranks[:, 0].tolist() == [0, 1, 0, 1]
    assert got.ranks[0].tolist() == [0, 1, 2]
    assert got.wanted.tolist() == [1, 1, 1, 1]
    assert sorted(held.tolist()) == [0, 2]
    assert (told.moved_share, told.held_share) == (0.5, 0.5)
    assert told.gained_ms == pytest.approx(12.5)


def test_mandatory_moves_are_not_held_and_use_the_limit_up() -> None:
    """Whoever must leave leaves whatever the limit; nobody else moves in that build."""
    got, told, held = limited(
        decision([1, 1, 1], [-50, -60, 90], [0, 1]), pops(0, 0, 0), weights(1, 1, 1), POPS, 0.25
    )
    assert got.ranks[:, 0].tolist() == [1, 1, 0]
    assert held.tolist() == [2]
    assert told.moved_share == pytest.approx(2 / 3)


def test_a_row_heavier_than_the_limit_does_not_bar_the_way() -> None:
    """Alone above the limit it moves alone: held for ever it would hold all others behind it."""
    first = decision([1, 1, 1], [30, 20, 10])
    got, _, held = limited(first, pops(0, 0, 0), weights(8, 1, 1), POPS, 0.25)
    assert got.ranks[:, 0].tolist() == [1, 0, 0]
    assert sorted(held.tolist()) == [1, 2]
    got, _, held = limited(first, pops(1, 0, 0), weights(8, 1, 1), POPS, 0.25)
    assert got.ranks[:, 0].tolist() == [1, 1, 1]
    assert held.tolist() == []


def test_a_limit_of_nothing_moves_nothing() -> None:
    """With `max_moved_share` 0 only what must move moves."""
    got, _, held = limited(decision([1, 1], [30, 0], [1]), pops(0, 0), weights(1, 1), POPS, 0.0)
    assert got.ranks[:, 0].tolist() == [0, 1]
    got, _, held = limited(decision([1, 1], [30, 20]), pops(0, 0), weights(1, 1), POPS, 0.0)
    assert sorted(held.tolist()) == [0, 1]


def test_no_limit_holds_nothing_however_the_weights_round() -> None:
    """Shares of all demand are at most 1 exactly, also where single precision would round them up."""
    rng = np.random.default_rng(5)
    for _ in range(15):
        weight = rng.integers(1, 60_000, 3_000).astype(np.float32)
        weight[rng.integers(0, 3_000, 40)] = 0
        first = decision([1] * 3_000, [1.0] * 3_000)
        previous = np.where(weight > 0, 0, 1).astype(np.uint16)
        _, told, held = limited(first, previous, weight, POPS, 1.0)
        assert (told.moved_share, len(held)) == (1.0, 0)


def test_who_is_held_is_not_shared() -> None:
    """The limiter keeps a row whole where it is; loads count the shares of the others."""
    wanted = decision([1, 1, 0], [20, 10, 0])
    shares = np.array([[153, 102, 0], [153, 102, 0], [204, 51, 0]], dtype=np.uint8)
    part, made, held = limited(replace(wanted, shares=shares), pops(0, 0, 0), weights(1, 1, 2), POPS, 0.3)
    assert held.tolist() == [1]
    assert part.shares.tolist() == [[153, 102, 0], [0, 0, 0], [204, 51, 0]]
    assert made.load == {"a": 0.25 + 0.1 + 0.4, "b": 0.15 + 0.1, "c": 0}
    assert wanted.load(np.ones(3), 3).tolist() == [1, 2, 0]
