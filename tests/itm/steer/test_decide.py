from __future__ import annotations

import numpy as np

from itm.steer.classes import NOT_ALLOWED
from itm.steer.decide import Decision, _decision, decide, in_255ths, trail
from itm.steer.steps import GONE_POP, NO_POP
from tests.itm.steer.facts import Facts, facts

CHAIN = ("up", "allowed", "available", "fastest", "sticky")


def ranks(f: Facts, steer: tuple[str, ...] = CHAIN, candidates: int = 3) -> list[list[int]]:
    return decide(f, steer, candidates).ranks.tolist()


def test_the_trail_tells_every_step_in_order() -> None:
    """`up` acts at answer time and leaves no stage; the others stand in the chain's order."""
    assert [s.step for s in trail(facts([1, 2]), CHAIN)] == [
        "start",
        "allowed",
        "available",
        "fastest",
        "sticky",
    ]
    assert [s.step for s in trail(facts([1, 2]), ("fastest", "allowed"))] == ["start", "fastest", "allowed"]


def test_lists_are_cut_and_padded() -> None:
    """K ranks at most; who is out is padding, never a candidate."""
    assert ranks(facts([4, 3, 2, 1])) == [[3, 2, 1]]
    assert ranks(facts([4, 3, 2], tiers=[[0, NOT_ALLOWED, 0]])) == [[2, 0, NO_POP]]
    assert ranks(facts([4, 3]), candidates=4) == [[1, 0, NO_POP, NO_POP]]


def test_a_chain_without_allowed_never_runs_a_stranger() -> None:
    """Without the step the order of pools is ignored, but no POP outside them is answered."""
    f = facts([30, 20, 1], tiers=[[0, 1, NOT_ALLOWED]])
    assert ranks(f, ("up", "fastest")) == [[1, 0, NO_POP]]
    assert ranks(f, ("up", "allowed", "fastest")) == [[0, 1, NO_POP]]


def test_a_chain_whose_last_step_drops_the_kept_pop_has_no_hole() -> None:
    """`allowed` behind `sticky`: the list begins with a POP that is allowed, and so does memory."""
    f = facts([10, 20, 30], tiers=[[NOT_ALLOWED, 0, 0]], previous=[0])
    got = decide(f, ("fastest", "sticky", "allowed"), 3)
    assert got.ranks.tolist() == [[1, 2, NO_POP]]
    assert got.wanted.tolist() == [1]
    assert got.mandatory.tolist() == [True]


def test_what_a_move_gains() -> None:
    """Only rows that move gain; a move that nobody forces is not mandatory."""
    f = facts([40, 20], [40, 35], [40, 20], previous=[0, 0, NO_POP], challenger=[1, 1, NO_POP])
    got = decide(f, CHAIN, 2)
    assert got.ranks[:, 0].tolist() == [1, 0, 1]
    assert got.wanted.tolist() == [1, 1, 1]
    assert got.gain_ms.tolist() == [20, 0, 0]
    assert not got.mandatory.any()


def test_leaving_a_pop_that_is_out_is_mandatory_and_may_cost() -> None:
    """The gain is negative where the forbidden POP was the faster one."""
    got = decide(facts([10, 90], tiers=[[NOT_ALLOWED, 0]], previous=[0]), CHAIN, 2)
    assert got.mandatory.tolist() == [True]
    assert got.gain_ms.tolist() == [-80]


def test_leaving_a_pop_that_is_gone_is_mandatory_and_gains_nothing_known() -> None:
    """Its clients move to the best there is; nothing says what they had."""
    got = decide(facts([10, 5], previous=[GONE_POP]), CHAIN, 2)
    assert got.ranks.tolist() == [[1, 0]]
    assert (got.mandatory.tolist(), got.gain_ms.tolist()) == ([True], [0])


def test_where_nobody_is_allowed_nothing_is_served_or_wanted() -> None:
    """The list is empty, and what was served is left at once whichever POP it was."""
    out = [NOT_ALLOWED, NOT_ALLOWED]
    got = decide(facts([10, 90], [10, 90], tiers=[out, out], previous=[0, 1]), CHAIN, 2)
    assert (got.ranks == NO_POP).all()
    assert got.wanted.tolist() == [NO_POP, NO_POP]
    assert got.mandatory.tolist() == [True, True]
    assert got.gain_ms.tolist() == [0, 0]


def test_decisions_are_taken_joined_and_put() -> None:
    """Putting rows into a decision leaves the old one as it was."""
    old = decide(facts([1, 2], [1, 2], [1, 2]), CHAIN, 2)
    new = decide(facts([2, 1]), CHAIN, 2)
    both = old.put(np.array([1]), new)
    assert both.ranks[:, 0].tolist() == [0, 1, 0]
    assert both.wanted.tolist() == [0, 1, 0]
    assert old.ranks[:, 0].tolist() == [0, 0, 0]
    joined = Decision.joined([old.take(np.array([0])), new])
    assert joined.ranks[:, 0].tolist() == [0, 1]


def test_shares_stand_beside_the_ranks() -> None:
    """In 255ths that add up, of candidates only; a row whose first gets everything has none."""
    start = trail(
        facts([1, 2, 3], [1, 2, 3], [3, 2, 1], tiers=[[0, 0, NOT_ALLOWED], [0, 0, 0], [0, 0, 0]]), CHAIN
    )
    share = np.array([[1, 1, 1], [5, 0, 0], [1, 1, 4]], dtype=np.float32)
    running = start[-1].after.but(share=share)
    got = _decision(running, facts([1, 2, 3], [1, 2, 3], [3, 2, 1]), 3)
    assert got.shares.tolist() == [[128, 127, 0], [0, 0, 0], [170, 43, 42]]
    assert got.ttl.tolist() == [0, 0, 0]
    demand = np.array([255.0, 10.0, 510.0])
    assert got.load(demand, 3).tolist() == [128 + 10 + 84, 127 + 86, 340]


def test_shares_add_up_whatever_they_are() -> None:
    """Rounding loses and invents nothing."""
    rng = np.random.default_rng(5)
    found = in_255ths(rng.random((500, 4)) * (rng.random((500, 4)) < 0.7))
    assert set(found.sum(axis=1, dtype=int).tolist()) == {0, 255}


def test_what_the_whole_way_saves_is_told_per_row() -> None:
    """Against the POP that the client's leg alone would have chosen; nothing without `joint`."""
    f = facts([8, 70, 20], [60, 5, 50], leg=[160, 5, 150])
    assert decide(f, ("up", "fastest", "joint"), 2).joint_ms.tolist() == [93, 0]
    assert decide(f, ("up", "fastest"), 2).joint_ms.tolist() == [0, 0]
