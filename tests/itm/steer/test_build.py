from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.aggregate import empty
from collectors.ladder import RUNGS
from collectors.network import Network
from itm.catalog.types import Rule
from itm.routemap.mask import serve
from itm.steer.build import ClassBuild, build_class
from itm.steer.demand import Demand
from itm.steer.evidence import Evidence
from itm.steer.frame import frame_of
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.terms import terms_of
from itm.steer.world import World
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, cells, cut_world, pop, service, world

LIMITS = Limits(candidates=3, max_moved_share=1.0)
POPS = tuple(P50)


def build(
    w: World, evidence: Evidence | None = None, memory: Memory | None = None, last: ClassBuild | None = None
) -> ClassBuild:
    nothing = Evidence.of(empty(), w.pops)
    return build_class(w, evidence or nothing, w.classes[0], memory or Memory.nothing(), LIMITS, last)


def first(b: ClassBuild, address: str, names: tuple[str, ...] = POPS) -> str:
    network = Network.of(address)
    leaf, _ = b.table.lookup(network.family, network.unit)
    return names[b.table.order_of(leaf)[0]]


def slow_tokyo(samples: float = 30, distinct: int = 6, address: str = JAPAN) -> Evidence:
    rows = [
        (address, "network", "tokyo", 140.0, samples, distinct),
        (address, "network", "osaka", 13.0, samples, distinct),
    ]
    return Evidence.of(cells(*rows), POPS)


def test_without_measurements_everyone_gets_the_predicted_best() -> None:
    """Each place is served by the POP with the least predicted time; the unplaced by the world's."""
    b = build(world())
    got = [first(b, a) for a in (JAPAN, DUTCH, AMERICA, "1.1.1.1", "2001:200::1", "2a00::1")]
    assert got == ["tokyo", "ams", "ash", "tokyo", "tokyo", "tokyo"]


def test_a_scope_is_as_wide_as_its_whole_list_allows() -> None:
    """The Dutch /16 is one leaf among others: /16. Japan's list equals the world's: wider than its /16."""
    b = build(world())
    assert b.table.lookup(4, Network.of(DUTCH).unit)[1] == 16
    assert b.table.lookup(4, Network.of(JAPAN).unit)[1] < 16


def test_a_measured_network_moves_alone_and_only_in_the_second_build() -> None:
    """Evidence about one /24 moves that /24, after two builds agree; its neighbours stay."""
    w = world()
    one = build(w)
    two = build(w, slow_tokyo(), one.after, one)
    assert first(two, JAPAN) == "tokyo"
    three = build(w, slow_tokyo(), two.after, two)
    assert first(three, JAPAN) == "osaka"
    assert first(three, "133.11.1.1") == "tokyo"
    assert three.table.lookup(4, Network.of(JAPAN).unit)[1] == 24


@pytest.mark.parametrize(("samples", "distinct"), [(2, 6), (30, 4)])
def test_thin_or_lonely_evidence_moves_nothing(samples: float, distinct: int) -> None:
    """Fewer than three samples, or fewer than five clients, are not enough however slow they say it is."""
    w = world()
    b = build(w)
    for _ in range(3):
        b = build(w, slow_tokyo(samples, distinct), b.after, b)
    assert first(b, JAPAN) == "tokyo"


@pytest.mark.parametrize(
    ("osaka", "spread", "expected"),
    [
        (12.0, 1.02, "osaka"),  # 6 ms, each known within 2 %
        (12.0, 1.6, "tokyo"),  # Osaka could as well be slower
        (16.5, 1.02, "tokyo"),  # a certain millisecond and a half is not worth a move
    ],
)
def test_a_small_gain_is_worth_a_move_when_it_is_certain(osaka: float, spread: float, expected: str) -> None:
    """Tokyo is measured at 18 ms and served: Osaka takes over if the intervals of the two lie apart."""
    rows = [(JAPAN, "network", "tokyo", 18.0, 50, 6), (JAPAN, "network", "osaka", osaka, 50, 6)]
    measured = cells(*rows)
    evidence = Evidence.of(replace(measured, p25_high=measured.p25 * np.float32(spread)), POPS)
    w = world()
    b = build(w)
    for _ in range(3):
        b = build(w, evidence, b.after, b)
    assert first(b, JAPAN) == expected


def test_forgotten_evidence_gives_the_network_back_to_its_place() -> None:
    """When its measurements have decayed the /24 is decided like its neighbours again."""
    w = world()
    b = build(w)
    for _ in range(2):
        b = build(w, slow_tokyo(), b.after, b)
    assert first(b, JAPAN) == "osaka"
    assert first(build(w, None, b.after, b), JAPAN) == "tokyo"


def test_an_incremental_build_equals_a_full_one() -> None:
    """Deciding only what can have changed gives the same table as deciding everything."""
    w = world()
    one = build(w)
    two = build(w, slow_tokyo(), one.after, one)
    partial, full = build(w, slow_tokyo(), two.after, two), build(w, slow_tokyo(), two.after)
    assert np.array_equal(partial.table.leaves, full.table.leaves)
    assert np.array_equal(partial.table.v4.start, full.table.v4.start)
    assert np.array_equal(partial.table.v4.leaf, full.table.v4.leaf)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_incremental_builds_of_a_random_world_equal_full_ones(seed: int, share: float) -> None:
    """Evidence comes, changes and goes, rows are held: the same tables, memories and plans every time."""
    w, aggregates = cut_world(seed)
    rng = np.random.default_rng(seed)
    key = build(w, Evidence.of(aggregates, w.pops)).after.key
    was = (rng.integers(0, 4, len(key)).astype(np.uint16) for _ in range(2))
    limits, last, memory = Limits(2, share), None, Memory.of(w.pops, key, *was)
    for turn in range(9):
        p25 = aggregates.p25 * rng.choice([1.0, 1.0, 3.0, 0.3], len(aggregates.p25)).astype(np.float32)
        heard = (rng.random(len(p25)) < 0.7) & ((aggregates.rung != RUNGS.index("place")) | (turn % 3 == 2))
        n = np.where(heard, aggregates.n, 0).astype(np.float32)
        evidence = Evidence.of(replace(aggregates, p25=p25, n=n), w.pops)
        full = build_class(w, evidence, w.classes[0], memory, limits)
        part = build_class(w, evidence, w.classes[0], memory, limits, last)
        for name in ("leaves", "leaf_tail"):
            assert np.array_equal(getattr(part.table, name), getattr(full.table, name))
        for family in ("v4", "v6"):
            mine, theirs = getattr(part.table, family), getattr(full.table, family)
            assert np.array_equal(mine.start, theirs.start)
            assert np.array_equal(mine.leaf, theirs.leaf)
        for name in ("key", "served", "challenger"):
            assert np.array_equal(getattr(part.after, name), getattr(full.after, name))
        assert np.array_equal(part.held, full.held)
        assert part.plan.as_dict() == full.plan.as_dict()
        last, memory = part, part.after


def test_a_network_begins_where_its_routing_prefix_is() -> None:
    """When it has evidence of its own it is not thrown back to its place's POP for a build."""
    w = world()
    prefix = [(JAPAN, "prefix", "tokyo", 140.0, 30.0, 8), (JAPAN, "prefix", "osaka", 13.0, 30.0, 8)]
    network = [(JAPAN, "network", "tokyo", 150.0, 30.0, 6), (JAPAN, "network", "osaka", 14.0, 30.0, 6)]
    b = build(w)
    for _ in range(2):
        b = build(w, Evidence.of(cells(*prefix), POPS), b.after, b)
    assert [first(b, a) for a in (JAPAN, "133.11.1.1")] == ["osaka", "osaka"]
    b = build(w, Evidence.of(cells(*prefix, *network), POPS), b.after, b)
    assert first(b, JAPAN) == "osaka"
    assert b.plan.moved_share == 0


def test_demand_is_counted_in_slash_24s() -> None:
    """A measured network is taken from its place; IPv6 only weighs 1, what is nobody's or empty 0."""
    w = world()
    rows = [(JAPAN, "network"), ("2001:200::1", "network"), ("9.9.9.9", "network"), (DUTCH, "prefix")]
    evidence = Evidence.of(cells(*((a, r, "tokyo", 9.0, 30.0, 9) for a, r in rows)), POPS)
    frame = frame_of(
        w,
        evidence,
        w.classes[0],
        terms_of(w, w.classes[0]),
        Memory.nothing(),
        w.rules_of_places(w.classes[0]),
    )
    weight = dict(zip(frame.keys["row"].tolist(), Demand.nothing().weights(frame.rows).tolist(), strict=True))
    place = [weight[int(key)] for key in w.places.key]
    own = [weight[int(key)] for rung in ("network", "prefix") for key in evidence.rungs[rung].key]
    assert place == [0, 255, 0, 256]
    assert sorted(own) == [0, 1, 1, 256]


def test_rules_choose_pools_by_country_asn_and_subnet() -> None:
    """The first rule that holds decides; a subnet rule cuts a place in two."""
    s = service(
        pools=(("us", ("ash",)), ("eu", ("ams",)), ("world", POPS)),
        rules=(
            Rule(("us",), subnets=("133.11.128.0/17",)),
            Rule(("us",), asns=(3333,)),
            Rule(("eu", "world"), geos=("AS-JP",)),
            Rule(("world",)),
        ),
    )
    b = build(world(s))
    got = [first(b, a) for a in (JAPAN, "133.11.200.1", DUTCH, AMERICA)]
    assert got == ["ams", "ash", "ash", "ash"]


def test_a_failover_list_keeps_its_order_when_the_first_pool_dies() -> None:
    """With pools [eu, world] Japan falls from ams to the fastest of the world, not to another continent."""
    s = service(pools=(("eu", ("ams",)), ("world", POPS)), rules=(Rule(("eu", "world")),))
    b = build(world(s))
    leaf, _ = b.table.lookup(4, Network.of(JAPAN).unit)
    states = [0, 0, 3, 0]
    assert POPS[serve(b.table.order_of(leaf), states)[0]] == "tokyo"


def test_residency_tags_are_never_given_up() -> None:
    """A POP without the required tag is in no list, not even in the tail."""
    pops = (pop("tokyo", 1), pop("osaka", 2), pop("ams", 3, tags=("eu",)), pop("ash", 4))
    b = build(world(service(require_tags=("eu",)), pops=pops))
    for address in (JAPAN, AMERICA, "9.9.9.9"):
        leaf, _ = b.table.lookup(4, Network.of(address).unit)
        assert b.table.order_of(leaf) == [2]


def test_bias_moves_the_border() -> None:
    """A bias of 50 ms on Tokyo hands Japan to Osaka."""
    pops = (pop("tokyo", 1, bias=50.0), pop("osaka", 2), pop("ams", 3), pop("ash", 4))
    assert first(build(world(pops=pops)), JAPAN) == "osaka"


def test_a_new_catalog_remembers_what_is_served() -> None:
    """POPs are remembered by id: adding one in front does not shift what anybody gets."""
    one = build(world())
    pops = (pop("osaka", 9), pop("tokyo", 1), pop("ams", 3), pop("ash", 4))
    names = tuple(p.id for p in pops)
    b = build(world(pops=pops), memory=one.after)
    assert [first(b, a, names) for a in (JAPAN, DUTCH)] == ["tokyo", "ams"]


def test_the_limiter_moves_the_largest_gains_first_and_holds_the_rest() -> None:
    """With a third of demand allowed to move, the place that wins most moves and the others wait."""
    w = world()
    one = build(w)
    everywhere = Memory(
        one.after.pops,
        one.after.key,
        np.full_like(one.after.served, 0),
        np.full_like(one.after.challenger, 0xFFFF),
    )
    wanted = build(w, memory=everywhere).after
    nothing = Evidence.of(empty(), w.pops)
    b = build_class(w, nothing, w.classes[0], wanted, Limits(3, 0.34))
    assert [first(b, a) for a in (JAPAN, DUTCH, AMERICA)] == ["tokyo", "ams", "tokyo"]
    assert b.plan.held_share == pytest.approx(1 / 3)
    assert b.plan.moved_share == pytest.approx(1 / 3)
