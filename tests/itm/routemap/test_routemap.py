from __future__ import annotations

import dataclasses
from typing import Any

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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shares": np.zeros((1, 3), "<u1")}, "one of each rank"),
        ({"shares": np.full((40, 3), 1, "<u1")}, "255 in all"),
        ({"ttl": np.full(40, 4, "<u1")}, "4 classes"),
        ({"ttl": np.zeros(3, "<u1")}, "4 classes"),
    ],
)
def test_shares_and_ttls_that_do_not_fit_are_problems(change: dict[str, Any], said: str) -> None:
    """Each rank has a share, the shares of a leaf are a whole, a TTL is of a class there is."""
    good = random_map(1)
    wrong = dataclasses.replace(good.classes[0], **change)
    assert any(said in text for text in dataclasses.replace(good, classes=(wrong,)).problems())


def test_a_share_of_nobody_is_a_problem() -> None:
    """Padding gets no answers."""
    one = random_class(1)
    leaf = int(np.flatnonzero(one.leaves[:, 2] == NO_POP)[0])
    shares = np.zeros((40, 3), "<u1")
    shares[leaf, 2] = 255
    wrong = dataclasses.replace(random_map(1), classes=(dataclasses.replace(one, shares=shares),))
    assert any("without a POP" in text for text in wrong.problems())


def test_ttls_rise_in_equal_ratios_between_the_bounds() -> None:
    """A service of one TTL has it in every class."""
    assert ServiceAnswer("gw.", 0, 20, ttl_most=300).ttls == (20, 49, 122, 300)
    assert ServiceAnswer("gw.", 0, 20).ttls == (20, 20, 20, 20)
