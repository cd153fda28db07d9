from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.network import Network
from itm.catalog.types import Rule
from itm.steer.evidence import Evidence
from itm.steer.frame import measured_prefixes, row_keys
from itm.steer.rows import MeasuredPrefixes, Rows, rows_of
from itm.steer.world import World
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, cells, cut_world, service, world

POPS = tuple(P50)
SUBNET = service(rules=(Rule(("world",), subnets=("133.11.128.0/17",)), Rule(("world",))))


def rows(w: World, *measured: tuple[str, str]) -> tuple[Rows, MeasuredPrefixes]:
    """Rows of the first class, with evidence about these (address, rung)."""
    evidence = Evidence.of(cells(*((a, r, "tokyo", 9.0, 30.0, 9) for a, r in measured), of=w), POPS)
    prefixes = measured_prefixes(w, evidence)
    return rows_of(w.classes[0], w.places, w.rules_of_places(w.classes[0]), prefixes), prefixes


def row_at(found: Rows, address: str) -> int:
    network = Network.of(address)
    segments = found.segments[network.family]
    return int(segments.row[np.searchsorted(segments.start, np.uint64(network.unit), side="right") - 1])


def test_without_rules_and_evidence_rows_are_places() -> None:
    """One row per place; segments are the place table's runs."""
    found, _ = rows(world())
    assert found.place.tolist() == [0, 1, 2, 3]
    assert found.parent.tolist() == found.measured.tolist() == [-1] * 4
    assert [row_at(found, a) for a in (JAPAN, DUTCH, AMERICA, "1.1.1.1", "2001:200::1")] == [1, 2, 3, 0, 1]


def test_a_subnet_rule_splits_a_place() -> None:
    """The half that the rule covers has a row of its own below its place's."""
    found, _ = rows(world(SUBNET))
    own = row_at(found, "133.11.200.1")
    assert (found.place[own], found.rule[own], found.parent[own], found.measured[own]) == (1, 0, 1, -1)
    assert row_at(found, JAPAN) == 1
    assert found.rule[1] == 1


def test_a_subnet_rule_behind_the_place_s_own_rule_splits_nothing() -> None:
    """The first rule that holds decides: the place's stands before the subnet's."""
    rules = (Rule(("world",), geos=("AS",)), Rule(("world",), subnets=("133.11.128.0/17",)), Rule(("world",)))
    found, _ = rows(world(service(rules=rules)))
    assert row_at(found, "133.11.200.1") == row_at(found, JAPAN) == 1


def test_a_network_stands_before_its_prefix_before_its_place() -> None:
    """Each is the parent of the finer one; neighbours belong to the coarser."""
    found, prefixes = rows(world(), (JAPAN, "network"), (JAPAN, "prefix"))
    network, prefix = row_at(found, JAPAN), row_at(found, "133.11.77.1")
    assert found.parent[network] == prefix
    assert found.parent[prefix] == 1
    assert prefixes.rung[found.measured[[network, prefix]]].tolist() == [0, 1]
    assert prefixes.routing[found.measured[network]] == prefixes.key[found.measured[prefix]]


def test_a_measured_prefix_yields_to_a_subnet_rule_a_network_does_not() -> None:
    """The rule may hold for a part of the prefix only; the network is wholly inside and takes its rule."""
    found, _ = rows(world(SUBNET), (JAPAN, "prefix"), ("133.11.200.1", "network"))
    network, variant = row_at(found, "133.11.200.1"), row_at(found, "133.11.201.1")
    assert found.measured[variant] == -1
    assert (found.parent[network], found.rule[network]) == (variant, 0)
    assert found.rule[row_at(found, JAPAN)] == 1


def test_a_prefix_of_another_place_table_is_left_out() -> None:
    """After a new edition an old prefix may span places: its evidence belongs to none of them."""
    old = world()
    split = replace(
        old.places,
        v4_start=np.sort(np.append(old.places.v4_start, 0x850B80)).astype(np.uint32),
        v4_place=np.insert(old.places.v4_place, np.searchsorted(old.places.v4_start, 0x850B80), 2),
    )
    evidence = Evidence.of(cells((JAPAN, "prefix", "tokyo", 9.0, 30.0, 9)), POPS)
    assert len(measured_prefixes(old, evidence)) == 1
    assert len(measured_prefixes(replace(old, places=split), evidence)) == 0


@pytest.mark.parametrize("seed", range(6))
def test_rows_of_a_random_world(seed: int) -> None:
    """Every address has the row, rule and parent that the module's words give it, reckoned one by one."""
    w, aggregates = cut_world(seed)
    evidence = Evidence.of(aggregates, POPS)
    steering = w.classes[0]
    prefixes = measured_prefixes(w, evidence)
    found = rows_of(steering, w.places, w.rules_of_places(steering), prefixes)
    keys = row_keys(w, found, prefixes)
    assert len(np.unique(keys["row"])) == len(found)
    for third in range(0, 512, 3):
        for address in (f"10.{third >> 8}.{third & 255}.9", f"2001:200:{third:x}::9"):
            network = Network.of(address)
            row = row_at(found, address)
            place = w.places.place_of(network)
            ranges = steering.subnet_ranges(network.family)
            covering = [r for first, end, r in ranges if first <= network.unit < end]
            assert found.place[row] == place
            assert found.rule[row] == min([w.rule_of_place(steering, place), *covering])
            key = w.ladder.keys(np.array([network.family]), np.array([network.unit], dtype=np.uint64))[0]
            expected = [("network", key[0]), ("prefix", key[1])]
            has = [k for r, k in expected if k in evidence.rungs[r].key and not (r == "prefix" and covering)]
            own = keys["row"][row]
            assert own == has[0] if has else found.measured[row] == -1
            if len(has) == 2:
                assert keys["row"][found.parent[row]] == has[1]
