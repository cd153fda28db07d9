from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from itm.routemap.routemap import NO_POP, ServiceAnswer
from tests.itm.routemap.worlds import random_class, random_map


def test_order_is_ranks_then_tail_without_repeats() -> None:
    """The whole list holds each POP once, the leaf's own ranks first."""
    one = random_class(3)
    for leaf in range(len(one.leaves)):
        order = one.order_of(leaf)
        own = [pop for pop in one.leaves[leaf].tolist() if pop != NO_POP]
        assert order[: len(own)] == own
        assert len(set(order)) == len(order)
        assert set(order) == set(own) | set(one.tails[one.leaf_tail[leaf]].tolist())


def test_a_sound_map_has_no_problems() -> None:
    """Nothing is said about a map whose indices all fit."""
    assert random_map(1).problems() == []


def test_lookup_picks_the_family() -> None:
    """Family 4 and 6 have their own tables."""
    one = random_class(5)
    assert one.lookup(4, 77) == one.v4.lookup(77)
    assert one.lookup(6, 77) == one.v6.lookup(77)


def test_a_service_is_found_by_name() -> None:
    """An unknown service is a KeyError."""
    assert random_map(1).service("gw.example.net.").ttl == 20
    with pytest.raises(KeyError):
        random_map(1).service("other.example.net.")


def test_indices_out_of_range_are_problems() -> None:
    """A service without class, a rank without POP, a tail with a repeat: each is named."""
    good = random_map(1)
    lost = dataclasses.replace(good, services=(ServiceAnswer("gw.example.net.", 1, 20),))
    assert any("gw.example.net." in text for text in lost.problems())
    few = dataclasses.replace(good, pops=good.pops[:2])
    assert any("out of range" in text for text in few.problems())
    twice = dataclasses.replace(good.classes[0], tails=(np.array([1, 1], "<u2"),) * 3)
    assert any("distinct" in text for text in dataclasses.replace(good, classes=(twice,)).problems())
