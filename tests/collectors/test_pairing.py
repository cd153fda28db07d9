from __future__ import annotations

import pytest

from collectors.network import Network
from collectors.pairing import Pair, Pairs

CLIENT, RESOLVER, OTHER = (Network.of(a) for a in ("133.11.0.1", "192.0.2.53", "198.51.100.53"))


@pytest.mark.parametrize("asked_first", [True, False])
@pytest.mark.parametrize("ecs", [None, CLIENT])
def test_two_halves_make_a_pair_in_either_order(asked_first: bool, ecs: Network | None) -> None:
    """The second half gives the pair, whichever it is, and says whether the resolver names its clients."""
    pairs = Pairs()
    if asked_first:
        assert pairs.asked("s", CLIENT, 0) is None
        found = pairs.resolved("s", RESOLVER, ecs, 1)
    else:
        assert pairs.resolved("s", RESOLVER, ecs, 0) is None
        found = pairs.asked("s", CLIENT, 1)
    assert found == Pair(RESOLVER, CLIENT, ecs is not None)
    assert len(pairs) == 0
    assert pairs.outcomes.total() == 0


def test_a_session_counts_once() -> None:
    """A second resolution, by the same resolver or another, adds nothing; nor does one while it waits."""
    pairs = Pairs()
    pairs.asked("s", CLIENT, 0)
    assert pairs.resolved("s", RESOLVER, None, 1)
    assert pairs.resolved("s", RESOLVER, None, 1) is None
    assert pairs.resolved("s", OTHER, None, 2) is None
    assert pairs.asked("s", CLIENT, 2) is None
    pairs.resolved("t", RESOLVER, None, 3)
    assert pairs.resolved("t", OTHER, None, 3) is None
    assert pairs.asked("t", CLIENT, 4) == Pair(RESOLVER, CLIENT, False)  # the first one counts
    assert pairs.outcomes == {"repeated": 4, "unresolved": 0, "unasked": 0}


def test_halves_expire() -> None:
    """After its time a half makes no pair any more, and is counted by what it lacked."""
    pairs = Pairs(expire_seconds=60)
    pairs.asked("a", CLIENT, 0)
    pairs.resolved("r", RESOLVER, None, 0)
    assert pairs.resolved("a", RESOLVER, None, 59.9)
    pairs.asked("b", CLIENT, 1)
    assert pairs.asked("r", CLIENT, 60) is None
    assert pairs.resolved("b", RESOLVER, None, 61) is None
    assert pairs.outcomes == {"unasked": 1, "unresolved": 1}


def test_a_flood_of_made_up_names_pushes_no_session_out() -> None:
    """Memory is bounded on each side, and the sides do not crowd each other."""
    pairs = Pairs(most=10)
    pairs.asked("mine", CLIENT, 0)
    for number in range(1000):
        pairs.resolved(f"flood{number}", OTHER, None, 1)
    assert len(pairs) == 11
    assert pairs.outcomes["crowded"] == 990
    assert pairs.resolved("mine", RESOLVER, None, 2) == Pair(RESOLVER, CLIENT, False)
    for number in range(100):
        pairs.asked(f"s{number}", CLIENT, 3)
        pairs.resolved(f"s{number}", RESOLVER, None, 3)
    assert len(pairs._joined) == 10
