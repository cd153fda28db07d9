"""Resolvers decided by who sits behind them, through the whole build."""

from __future__ import annotations

import numpy as np
import pytest

from collectors.aggregate import empty
from collectors.network import Network
from itm.catalog.types import Rule
from itm.steer import resolvers as module
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild, build_class
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.resolvers import Resolvers
from itm.steer.world import World
from tests.itm.steer.crowds import NOW, crowd, table
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, cells, service, world

POPS = tuple(P50)
NOTHING = Evidence.of(empty(), POPS)
LIMITS = Limits(3, 1.0)
JAPANESE = crowd(DUTCH, {"133.11": 4})


def known(w: World, rows: list[tuple[str, str, float]], evidence: Evidence = NOTHING) -> Resolvers:
    return Resolvers.of(w, evidence, Behind.of(table(*rows), NOW, 7.0))


def build(
    w: World,
    rows: list[tuple[str, str, float]],
    memory: Memory | None = None,
    *,
    evidence: Evidence = NOTHING,
    limits: Limits = LIMITS,
    last: ClassBuild | None = None,
) -> ClassBuild:
    found = known(w, rows, evidence)
    return build_class(w, evidence, w.classes[0], memory or Memory.nothing(), limits, last, found)


def answer(made: ClassBuild, resolver: str) -> str:
    """Return the POP for a resolver that names no client."""
    network = Network.of(resolver)
    leaf = made.table.resolver_leaf(network.family, network.unit)
    if leaf is None:
        leaf = made.table.lookup(network.family, network.unit)[0]
    return POPS[made.table.order_of(leaf)[0]]


def settled(w: World, rows: list[tuple[str, str, float]], **more: object) -> ClassBuild:
    """Build three times: two builds must want a move."""
    made = build(w, rows, **more)  # type: ignore[arg-type]
    for _ in range(2):
        made = build(w, rows, made.after, **more)  # type: ignore[arg-type]
    return made


def test_a_resolver_is_answered_by_its_clients() -> None:
    """One in the Netherlands with clients in Japan leads to Tokyo; its neighbours, and ECS, go as ever."""
    made = settled(world(), JAPANESE)
    assert answer(made, DUTCH) == "tokyo"
    assert answer(made, "193.0.7.53") == "ams"
    assert POPS[made.table.order_of(made.table.lookup(4, Network.of(DUTCH).unit)[0])[0]] == "ams"


def test_the_estimate_is_the_weighted_mean() -> None:
    """Each POP costs a resolver what it costs its clients, by their weights."""
    rows = [*crowd(DUTCH, {"133.11": 1}, 3.0), *crowd(DUTCH, {"193.0": 2}, 0.5)]
    estimate = known(world(), rows).estimate
    expected = [(3 * P50[pop][1] + 1 * P50[pop][2]) / 4 for pop in POPS]
    assert np.allclose(estimate.rtt[0], expected)
    assert estimate.low[0] == pytest.approx(np.array(expected) * 0.9)


def test_what_clients_measured_counts() -> None:
    """Evidence of a client's own network moves the mean of the resolvers that it sits behind."""
    measured = [
        ("133.11.0.1", "network", pop, p25, 60.0, 9) for pop, p25 in (("tokyo", 400.0), ("osaka", 10.0))
    ]
    evidence = Evidence.of(cells(*measured), POPS)
    before, after = (known(world(), JAPANESE, e).estimate for e in (NOTHING, evidence))
    assert after.rtt[0, 0] > before.rtt[0, 0] + 50
    assert after.weight[0, 0] > 0
    assert after.distinct[0, 0] == 9


def test_it_takes_two_builds_and_a_gain() -> None:
    """A resolver that is new keeps what its own place was served until two builds agree."""
    w = world()
    first = build(w, JAPANESE)
    assert answer(first, DUTCH) == "ams"
    second = build(w, JAPANESE, first.after)
    assert answer(second, DUTCH) == "tokyo"
    osaka_by_3_ms = Evidence.of(
        cells(*[(f"133.11.{n}.1", "network", "osaka", 2.0, 90.0, 9) for n in range(4)]), POPS
    )
    third = build(w, JAPANESE, second.after, evidence=osaka_by_3_ms)
    assert answer(build(w, JAPANESE, third.after, evidence=osaka_by_3_ms), DUTCH) == "tokyo"


def test_a_mixed_crowd_gets_what_is_best_on_the_whole() -> None:
    """Where the clients are far apart, the larger part decides."""
    for americans, pop in ((3, "tokyo"), (6, "ash")):
        assert answer(settled(world(), [*JAPANESE, *crowd(DUTCH, {"8.8": americans})]), DUTCH) == pop


def test_rules_hold_by_the_resolvers_own_network() -> None:
    """The operator's word about a network stands before what is learned of who sits behind it."""
    pools = (("west", ("ams", "ash")), ("world", POPS))
    by_geo = service(pools=pools, rules=(Rule(("west",), geos=("EU",)), Rule(("world",))))
    assert answer(settled(world(by_geo), JAPANESE), DUTCH) == "ash"
    by_subnet = service(pools=pools, rules=(Rule(("west",), subnets=("193.0.6.0/24",)), Rule(("world",))))
    assert answer(settled(world(by_subnet), JAPANESE), DUTCH) == "ash"
    by_asn = service(pools=pools, rules=(Rule(("west",), asns=(2501,)), Rule(("world",))))
    assert answer(settled(world(by_asn), JAPANESE), DUTCH) == "tokyo"  # it is the clients' AS, not its own


def test_one_clients_failures_take_no_pop_from_all() -> None:
    """Availability is a mean over the clients, of whom those that nobody tried count as reached."""
    cells_ = cells(("133.11.0.1", "network", "tokyo", 5.0, 60.0, 9))
    cells_.availability[:] = 0.1
    cells_.availability_n[:] = 200
    evidence = Evidence.of(cells_, POPS)
    many, few = (settled(world(), crowd(DUTCH, {"133.11": n}), evidence=evidence) for n in (9, 3))
    assert answer(many, DUTCH) == "tokyo"
    assert answer(few, DUTCH) == "osaka"


def test_only_a_part_of_the_crowd_moves_at_once() -> None:
    """Of many resolvers that would move, those with the largest gain do, up to the share; the rest follow."""
    w = world()
    addresses = [f"193.0.{n}.53" for n in range(8)]
    rows = [row for one in addresses for row in crowd(one, {"133.11": 4})]
    half, memory, moved = Limits(3, 0.5), build(w, rows).after, []
    for _ in range(3):
        made = build(w, rows, memory, limits=half)
        memory = made.after
        moved.append(sum(answer(made, one) == "tokyo" for one in addresses))
    assert moved == [4, 8, 8]
    assert len(build(w, rows, build(w, rows).after, limits=half).held) == 4


def test_an_incremental_build_says_what_a_full_one_says() -> None:
    """Resolvers come and go between builds; the rows of places stay as they are."""
    w = world()
    first = build(w, JAPANESE)
    more = [*JAPANESE, *crowd(AMERICA, {"193.0": 5})]
    part = build(w, more, first.after, last=first)
    full = build(w, more, first.after)
    assert np.array_equal(part.after.key, full.after.key)
    assert np.array_equal(part.after.served, full.after.served)
    assert np.array_equal(part.table.leaves, full.table.leaves)
    assert part.table.resolvers4.unit.tolist() == sorted(Network.of(a).unit for a in (AMERICA, DUTCH))


@pytest.mark.parametrize("most", [1, 5, 7, 100])
def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """However the clients are cut up, each resolver's numbers are the same to the bit, as `why` needs."""
    rows = [row for n in range(5) for row in crowd(f"193.0.{n}.53", {"133.11": 3, "8.8": n}, 0.7 + n)]
    rows += crowd("2001:200:5::53", {"133.11": 4, "9.9": 2})
    whole = known(world(), rows)
    monkeypatch.setattr(module, "CHUNK", most)
    again = known(world(), rows)
    for name in whole.estimate.__slots__:
        a, b = (getattr(one.estimate, name) for one in (whole, again))
        assert np.array_equal(a, b, equal_nan=True), name
    assert len(whole.keys) == 6


def test_a_resolver_of_ipv6() -> None:
    """Both families have a table."""
    rows = crowd("2001:200:5::53", {"193.0": 4})
    assert answer(settled(world(), rows), "2001:200:5::99") == "ams"
    assert answer(settled(world(), rows), "2001:200:6::99") == "tokyo"
    assert answer(settled(world(), rows), JAPAN) == "tokyo"
