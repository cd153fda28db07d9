from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.aggregate import empty
from itm.steer.build import build_class
from itm.steer.decide import decide
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.steps import NO_POP, Facts
from tests.itm.steer.facts import facts
from tests.itm.steer.worlds import P50, cut_world, service, world

CHAIN = ("up", "allowed", "available", "fastest", "sticky")


def ttl(of: Facts) -> list[int]:
    return decide(replace(of, terms=replace(of.terms, adapts=True)), CHAIN, 3).ttl.tolist()


def test_the_farther_the_rival_the_longer() -> None:
    """p75 of the first is 20 % up, p25 of the rival 10 % down: doubts of 4 ms and a tenth of the rival."""
    rivals = [22.0, 24.0, 27.0, 40.0]
    assert ttl(facts(*([20.0, one] for one in rivals), previous=[0] * 4)) == [0, 1, 2, 3]


def test_what_moved_or_would_has_the_least() -> None:
    """New, moved, kept by stickiness alone, or by nobody."""
    same = ([20.0, 60.0],) * 3
    assert ttl(facts(*same, previous=[NO_POP, 1, 0], challenger=[NO_POP, 0, NO_POP])) == [0, 0, 3]
    assert ttl(facts([20, 13], previous=[0])) == [0]


def test_measured_gaps_count_more() -> None:
    """Where both were measured the intervals need only not meet."""
    one = facts([20, 27], previous=[0])
    measured = replace(one.estimate, weight=np.ones((1, 2), np.float32))
    assert ttl(one) == [2]
    assert ttl(replace(one, estimate=measured)) == [3]


def test_a_percentage_stretches_the_doubt_too() -> None:
    """10 ms twice over are as doubtful as 20."""
    assert ttl(facts([20, 30], previous=[0])) == ttl(facts([10, 30], handicap_share=[[1, 0]], previous=[0]))


def test_without_a_rival_nothing_can_change() -> None:
    """A rule with one POP, and one whose others stand in another pool."""
    assert ttl(facts([20, 21], tiers=[[0, 1]], previous=[0])) == [3]


def test_a_service_of_one_ttl_has_no_classes() -> None:
    """Its leaves are not told apart by certainty."""
    assert decide(facts([20, 60], previous=[0]), CHAIN, 3).ttl.tolist() == [0]


@pytest.mark.parametrize("loss_ms", [0.0, 20.0])
@pytest.mark.parametrize("seed", range(3))
def test_an_incremental_build_equals_a_full_one(seed: int, loss_ms: float) -> None:
    """TTLs follow what moved lately, so rows that moved are decided again."""
    w, aggregates = cut_world(seed)
    steady = service(pools=w.catalog.services[0].pools, rules=w.catalog.services[0].rules, ttl_most=300)
    w = replace(w, catalog=replace(w.catalog, services=(steady,)))
    limits, memory, last = Limits(3, 0.5, loss_ms=loss_ms), Memory.nothing(), None
    pops, seen = tuple(P50), 1
    nothing, known = Evidence.of(empty(), pops), Evidence.of(aggregates, pops)
    for evidence in (nothing, nothing, *[known] * 4, nothing):
        full = build_class(w, evidence, w.classes[0], memory, limits)
        last = build_class(w, evidence, w.classes[0], memory, limits, last)
        for name in ("ranks", "ttl", "stand_ins"):
            assert np.array_equal(getattr(full.decision, name), getattr(last.decision, name)), name
        for name in ("leaves", "ttl"):
            assert np.array_equal(getattr(full.table, name), getattr(last.table, name))
        for one, other in ((full.table.v4, last.table.v4), (full.table.v6, last.table.v6)):
            assert np.array_equal(one.start, other.start)
            assert np.array_equal(one.leaf, other.leaf)
        memory, seen = last.after, max(seen, last.table.ttl_classes)
    assert seen > 1


def test_a_service_of_one_ttl_is_a_class_of_its_own() -> None:
    """Services that differ in whether TTLs adapt are decided apart; those that differ in how, together."""
    two = world(service(ttl_most=300), service("a.example.net."), service("b.example.net.", ttl_most=60))
    assert list(two.class_index.values()) == [0, 1, 0]
