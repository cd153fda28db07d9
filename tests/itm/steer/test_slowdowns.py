from __future__ import annotations

import numpy as np

from itm.steer.slowdowns import Slowdowns, Slower, group_keys
from tests.itm.steer.worlds import world

JAPAN, DUTCH, AMERICA = world().places.key[1:]
NAN = np.nan


def slower(key: list[int], *ms: list[float], found_at: float = 7.0) -> Slower:
    table = np.array(ms, np.float32)
    voters, found = np.full(table.shape, 9, np.int32), np.full(table.shape, found_at)
    return Slower(np.array(key, np.uint64), table, table * np.float32(0.8), voters, found)


def test_the_narrowest_group_that_knows_decides() -> None:
    """A provider's word goes before its country's, that before everybody's; who knows nothing takes it on."""
    place = np.array([JAPAN, DUTCH])
    asn = int(group_keys(place, "as")[0])
    found = Slowdowns(
        {
            "world": slower([0], [50.0, 40.0, NAN, NAN]),
            "country": slower([int(group_keys(place, "country")[0])], [NAN, 0.0, NAN, 30.0]),
            "as": slower([asn], [70.0, NAN, NAN, NAN]),
        }
    ).of_places(place)
    assert found is not None
    assert found[0].tolist() == [[70, 0, 0, 30], [50, 40, 0, 0]]
    assert np.allclose(found[1], found[0] * 0.8)


def test_nothing_is_slower_at_rest() -> None:
    """Then nobody's estimate changes, and nothing is kept."""
    assert Slowdowns.nothing().of_places(np.array([JAPAN])) is None
    assert Slowdowns.nothing().arrays() == {}


def test_arrays_make_the_same_again() -> None:
    """What `why` reads from a file is what the builder decided by."""
    was = Slowdowns({"world": slower([0], [50.0, NAN, NAN, NAN])})
    now = Slowdowns.of_arrays(was.arrays())
    assert list(now.groups) == ["world"]
    assert np.array_equal(now.groups["world"].ms, was.groups["world"].ms, equal_nan=True)


def test_a_wider_group_fills_what_a_narrower_one_does_not_know() -> None:
    """Row by row and POP by POP; a 0 is known."""
    own = slower([1], [0.0, NAN])
    filled = own.or_else(slower([7, 8], [10.0, 20.0], [30.0, 40.0]), np.array([1, 2], np.uint64))
    assert filled.key.tolist() == [1, 2]
    assert filled.ms.tolist() == [[0, 20], [30, 40]]
    assert filled.voters.tolist() == [[9, 9], [9, 9]]


def test_what_is_not_found_again_is_held_for_a_while() -> None:
    """Whatever is said now where it is slower counts, and what was slower where nobody says so any more."""
    now = slower([2], [0.0, NAN, 30.0], found_at=90)
    before = slower([1, 2], [10.0, NAN, NAN], [20.0, 20.0, 20.0], found_at=60)
    held = now.held(before, since=60)
    assert held.key.tolist() == [1, 2]
    assert np.array_equal(held.ms, [[10, NAN, NAN], [20, 20, 30]], equal_nan=True)
    assert held.found_at.tolist() == [[60, 0, 0], [60, 60, 90]]
    late = now.held(before, since=61)
    assert np.array_equal(late.ms, [[NAN, NAN, NAN], [0, NAN, 30]], equal_nan=True)
