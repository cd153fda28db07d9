from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.network import UNIT_BITS
from itm.catalog.types import Rule
from itm.routemap.health import State
from itm.routemap.mask import choices, serve
from itm.routemap.routemap import NO_POP, TTL_CLASSES, ClassMap
from itm.routemap.table import PrefixTable
from itm.steer.build import build_class
from itm.steer.compile import compile_class
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.terms import terms_of
from itm.steer.world import World
from tests.itm.steer.worlds import JAPAN, P50, cut_world, service, world

POPS = tuple(P50)
FIRST = {4: 0x0A0000, 6: 0x2001_0200_0000}
"""Where the cuts of `cut_world` lie, 512 units of each family."""


def compiled(w: World, evidence: Evidence, candidates: int = 3) -> ClassMap:
    limits = Limits(candidates, 1.0)
    return build_class(w, evidence, w.classes[0], Memory.nothing(), limits).table


def leaves_in(table: PrefixTable, first: int, end: int) -> set[int]:
    """Every leaf that a unit of [first, end) has."""
    lo = int(np.searchsorted(table.start, first, side="right")) - 1
    hi = int(np.searchsorted(table.start, end - 1, side="right"))
    return set(table.leaf[lo:hi].tolist())


@pytest.mark.parametrize("seed", range(5))
def test_no_two_addresses_of_one_scope_get_different_answers(seed: int) -> None:
    """With each POP masked in turn, and with none: whatever a resolver caches for a scope holds in it."""
    w, aggregates = cut_world(seed)
    table = compiled(w, Evidence.of(aggregates, POPS), candidates=2)
    assert len(table.leaves) > 5
    masks = [[State.UP] * 4] + [
        [State.DOWN if p == dead else State.UP for p in range(4)] for dead in range(4)
    ]
    answers = np.stack([choices(table, mask) for mask in masks])
    for family, one in ((4, table.v4), (6, table.v6)):
        for unit in range(FIRST[family] - 2, FIRST[family] + 514):
            leaf, scope = table.lookup(family, unit)
            size = 1 << (UNIT_BITS[family] - scope)
            first = unit // size * size
            inside = sorted(leaves_in(one, first, first + size))
            assert (answers[:, inside] == answers[:, [leaf]]).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_scope_is_the_shortest_whose_whole_list_is_the_same(seed: int) -> None:
    """One bit less, and somebody inside has another list."""
    w, aggregates = cut_world(seed)
    table = compiled(w, Evidence.of(aggregates, POPS))
    for family, one in ((4, table.v4), (6, table.v6)):
        for unit in range(FIRST[family], FIRST[family] + 512, 5):
            leaf, scope = table.lookup(family, unit)
            size = 2 << (UNIT_BITS[family] - scope)
            first = unit // size * size
            lists = {tuple(table.order_of(other)) for other in leaves_in(one, first, first + size)}
            assert tuple(table.order_of(leaf)) in lists
            assert len(lists) > 1


def test_lists_are_stored_once() -> None:
    """As many leaves as there are different lists; neighbouring runs differ."""
    w, aggregates = cut_world(1)
    table = compiled(w, Evidence.of(aggregates, POPS))
    lists = [(*leaf, tail) for leaf, tail in zip(table.leaves.tolist(), table.leaf_tail, strict=True)]
    assert len(set(lists)) == len(lists)
    for one in (table.v4, table.v6):
        assert (one.leaf[1:] != one.leaf[:-1]).all()


def test_shares_and_ttls_make_leaves_different() -> None:
    """Two networks share a leaf only where they are answered alike, and by draws alike, for as long."""
    w = world()
    build = build_class(w, Evidence.nothing(4), w.classes[0], Memory.nothing(), Limits(3, 1.0))
    plain, decision = build.table, build.decision
    assert (len(plain.shares), len(plain.ttl), plain.ttl_classes) == (0, 0, 1)
    shares, ttl = decision.shares.copy(), decision.ttl.copy()
    shares[1], ttl[2] = [153, 102, 0], 3
    some = replace(decision, shares=shares, ttl=ttl)
    rules, weight = terms_of(w, w.classes[0]).rules, np.ones(4, np.float32)
    got = compile_class(some, build.rows, build.resolvers, rules, weight)
    japan = got.lookup(4, 133 << 16 | 11 << 8)[0]
    dutch = got.lookup(4, 193 << 16 | 6)[0]
    assert got.shares_of(japan) == [153, 102, 0]
    assert (got.shares_of(dutch), got.ttl_of(dutch), got.ttl_of(japan)) == ([], 3, 0)
    assert got.ttl_classes == TTL_CLASSES
    alike = replace(decision, ranks=decision.ranks[[0] * 4], shares=shares)
    assert len(compile_class(alike, build.rows, build.resolvers, rules, weight).leaves) == 2


def test_rules_of_equal_pools_are_no_border() -> None:
    """Two rules that come to the same list for everybody share leaves, and so do scopes across them."""
    both = service(rules=(Rule(("world",), subnets=("133.11.128.0/17",)), Rule(("world",))))
    one, two = (compiled(w, Evidence.nothing(4)) for w in (world(), world(both)))
    assert len(two.tails) == 1
    assert np.array_equal(one.v4.start, two.v4.start)
    assert np.array_equal(one.leaves, two.leaves)


def test_behind_the_candidates_the_tail_answers() -> None:
    """With every ranked candidate down the common order takes over, within the rule."""
    table = compiled(world(), Evidence.nothing(4), candidates=2)
    leaf, _ = table.lookup(4, int(JAPAN.split(".")[0]) << 16 | 11 << 8)
    assert table.leaves[leaf].tolist() == [0, 1]
    assert set(table.order_of(leaf)) == {0, 1, 2, 3}
    assert POPS[serve(table.order_of(leaf), [3, 3, 0, 0])[0]] == POPS[table.order_of(leaf)[2]]


def test_a_rule_that_allows_nobody_is_an_empty_list() -> None:
    """The service's last-resort values answer then."""
    table = compiled(world(service(require_tags=("nowhere",))), Evidence.nothing(4))
    assert table.order_of(0) == []
    assert choices(table, [State.UP] * 4).tolist() == [NO_POP]
    assert table.lookup(4, 5) == (0, 0)
