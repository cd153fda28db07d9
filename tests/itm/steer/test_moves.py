from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from itm.steer.moves import COOLDOWN_SECONDS, FORGET_SECONDS, MOST_SECONDS, RETURN_SECONDS, Moves
from itm.steer.steps import GONE_POP, NO_POP, Rest

NOON = 1_700_049_600.0


def keys(*numbers: int) -> npt.NDArray[np.uint64]:
    return np.array(numbers, dtype=np.uint64)


def pops(*numbers: int) -> npt.NDArray[np.uint16]:
    return np.array(numbers, dtype=np.uint16)


def one_row(*pops_in_turn: int, every: float) -> Moves:
    """The moves of row 7, served these POPs one after the other, so many seconds apart."""
    moves = Moves.nothing()
    for turn, (before, after) in enumerate(pairwise(pops_in_turn)):
        moves = moves.read_at(NOON + turn * every).after(keys(7), pops(before), pops(after))
    return moves


def rest(moves: Moves, seconds: float, key: int = 7) -> Rest | None:
    return moves.read_at(moves.now + seconds).rest(keys(key))


def test_who_stays_or_is_new_did_not_move() -> None:
    """Nor did a row that nothing was served to, or that has nobody left."""
    moves = (
        Moves.nothing().read_at(NOON).after(keys(3, 1, 2, 4), pops(5, 5, NO_POP, 5), pops(5, 6, 5, NO_POP))
    )
    assert moves.key.tolist() == [1]
    assert moves.left.tolist() == [5]


@pytest.mark.parametrize(
    ("seconds", "is_resting", "left"),
    [
        (COOLDOWN_SECONDS - 1, True, 0),
        (COOLDOWN_SECONDS, False, 0),
        (RETURN_SECONDS - 1, False, 0),
        (RETURN_SECONDS, False, NO_POP),
    ],
)
def test_a_row_rests_and_longer_from_where_it_came(seconds: float, is_resting: bool, left: int) -> None:
    """Ten minutes whatever is better, an hour if that is the POP it left."""
    got = rest(one_row(0, 1, every=1.0), seconds)
    assert got is not None
    assert (got.is_resting.tolist(), got.left.tolist()) == ([is_resting], [left])
    other = rest(one_row(0, 1, every=1.0), seconds, key=8)
    assert other is not None
    assert (other.is_resting.tolist(), other.left.tolist()) == ([False], [NO_POP])


@pytest.mark.parametrize(("returns", "wait"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 12), (9, 12)])
def test_each_return_doubles_the_wait_for_the_next(returns: int, wait: float) -> None:
    """Up to half a day."""
    moves = one_row(*([0, 1] * 20)[: returns + 2], every=4000.0)
    assert moves.returns.tolist() == [returns]
    for seconds, expected in ((wait * 3600 - 1, True), (wait * 3600, False)):
        got = rest(moves, seconds)
        assert got is not None
        assert bool(got.left[0] != NO_POP) == expected
    assert MOST_SECONDS == 12 * RETURN_SECONDS


def test_what_moved_to_a_third_pop_did_not_return() -> None:
    """Only a way back counts as one."""
    assert one_row(0, 1, 2, 0, every=4000.0).returns.tolist() == [0]


def test_a_day_without_moves_is_forgotten() -> None:
    """Who moves after that begins anew; who does not is not kept."""
    moves = one_row(0, 1, 0, 1, every=4000.0)
    later = moves.read_at(moves.now + FORGET_SECONDS).after(keys(7, 8), pops(1, 1), pops(0, 1))
    assert (later.key.tolist(), later.returns.tolist()) == ([7], [0])
    assert len(moves.read_at(moves.now + FORGET_SECONDS).after(keys(7), pops(1), pops(1)).key) == 0


def test_without_a_clock_nobody_rests() -> None:
    """A build that is not told the time remembers no moves."""
    assert len(Moves.nothing().after(keys(7), pops(0), pops(1)).key) == 0
    assert one_row(0, 1, every=1.0).read_at(0.0).rest(keys(7)) is None


def test_moves_are_stored_and_translated() -> None:
    """Bit for bit, and by the POPs' new numbers."""
    moves = one_row(0, 1, every=1.0)
    again = Moves.of_arrays(moves.arrays("a."), "a.")
    assert (again.key.tolist(), again.at.tolist(), again.now) == ([7], [NOON], NOON)
    assert again.of_pops(pops(GONE_POP, 0)).left.tolist() == [GONE_POP]
    assert Moves.of_arrays({}, "a.").key.tolist() == []
