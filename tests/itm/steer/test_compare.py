"""Two maps of the small world compared: who moves, what it costs them, and how finely the maps cut."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from itm.catalog.types import Rule
from itm.steer.behind import Behind
from itm.steer.compare import Reading, differences
from itm.steer.cycle import Knowledge, build_all
from itm.steer.difference import Difference, Part
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.pricing import Believed
from itm.steer.publish import routemap_of
from itm.steer.resolvers import Resolvers
from itm.steer.world import World
from tests.itm.steer.crowds import crowd, table
from tests.itm.steer.worlds import DUTCH, JAPAN, POPS, cells, service, world


def reading(one: World, evidence: Evidence | None = None, behind: Behind | None = None) -> Reading:
    """Build a world twice: a resolver leaves what the client map says of it once that was seen twice."""
    known = evidence or Evidence.nothing(len(one.pops))
    knowledge = Knowledge(known, Resolvers.of(one, known, behind or Behind.nothing()))
    memories = [Memory.nothing()] * len(one.classes)
    first = build_all(one, knowledge, memories, Limits(4, 1.0))
    builds = build_all(one, knowledge, [build.after for build in first], Limits(4, 1.0))
    return Reading(routemap_of(one, builds, 1, 0.0), Believed(one, known))


def compared(before: Reading, after: Reading) -> Difference:
    (found,) = differences(before, after)
    return found


def without(name: str) -> World:
    left = tuple(p for p in POPS if p.id != name)
    return world(service(pools=(("world", tuple(p.id for p in left)),)), pops=left)


def test_nothing_changed() -> None:
    """The same map twice: no demand, no ms, no prefix; the load is a third each."""
    one = reading(world())
    got = compared(one, one)
    assert (got.moved_share, got.gained_ms, got.lost_ms, got.prefixes, got.flips) == (0, 0, 0, 0, ())
    assert got.load == got.load_before
    assert got.load["ams"] == pytest.approx(1 / 3, abs=1e-6)
    assert got.size == got.size_before
    assert got.latency == got.latency_before == {"mean": pytest.approx(6), "p50": 6, "p90": 7, "p99": 7}


def test_a_pop_taken_away_costs_its_clients() -> None:
    """Without Tokyo Japan goes to Osaka, 7 ms farther; the price of Tokyo is that of the world before."""
    got = compared(reading(world()), reading(without("tokyo")))
    assert (got.moved_share, got.gained_ms) == (pytest.approx(1 / 3), 0)
    assert got.lost_ms == pytest.approx(7 / 3)
    (part,) = got.countries.lost
    assert part == Part("JP", pytest.approx(1 / 3), pytest.approx(1 / 3), 0.0, pytest.approx(7))
    assert (got.ases.lost[0].of, got.countries.gained) == ("2501", ())
    assert (got.networks4, got.networks6) == ((1 << 24) - 512, 1 << 48)  # all but the other two places
    assert (got.load["tokyo"], got.load_before["tokyo"]) == (0, pytest.approx(1 / 3, abs=1e-6))
    (flip,) = [f for f in got.flips if f.demand_share]
    assert (flip.prefix, flip.country, flip.asn) == ("133.11.0.0/16", "JP", 2501)
    assert (flip.before, flip.before_ms, flip.after, flip.after_ms) == ("tokyo", 5, "osaka", 12)


def test_a_bias_is_no_gain() -> None:
    """Who is sent far away by an operator's wish loses milliseconds, whatever the score says."""
    far = tuple(replace(p, bias=300.0) if p.id == "ams" else p for p in POPS)
    got = compared(reading(world()), reading(world(pops=far)))
    assert (got.gained_ms, got.lost_ms) == (0, pytest.approx((84 - 6) / 3))
    assert got.latency["p99"] == 84


def test_measured_networks_are_priced_by_what_they_measured() -> None:
    """One Japanese /24 finds Osaka at 20 ms and Tokyo at 120: it alone moves, and gains."""
    measured = Evidence.of(
        cells((JAPAN, "network", "tokyo", 120.0, 400, 9), (JAPAN, "network", "osaka", 20.0, 400, 9)),
        tuple(p.id for p in POPS),
    )
    got = compared(reading(world()), reading(world(), measured))
    assert (got.networks4, got.networks6, got.flips[0].prefix) == (1, 0, "133.11.0.0/24")
    assert got.gained_ms == pytest.approx(100 / 768, rel=0.02)
    assert got.size.scopes4 > got.size_before.scopes4


def test_a_price_that_is_not_known_is_told() -> None:
    """A map whose world cannot be made again: who leaves its POP moves, and nobody says for what."""
    got = compared(replace(reading(world()), believed=None), reading(without("tokyo")))
    assert (got.lost_ms, got.unpriced_share) == (0, pytest.approx(1 / 3))
    assert [f.before_ms for f in got.flips if f.demand_share] == [None]


def test_services_find_their_class_and_new_ones_change_nothing() -> None:
    """A class is compared with the one that its services had; a service that is new moved nobody."""
    asia = service("a.example.net.", pools=(("asia", ("osaka",)),), rules=(Rule(("asia",)),))
    before, after = reading(world(service())), reading(world(asia, service()))
    new, old = differences(before, after)
    assert (new.services, old.services) == (("a.example.net.",), ("gw.example.net.",))
    assert (new.moved_share, new.load["osaka"], old.moved_share) == (0, pytest.approx(1, abs=1e-6), 0)


def test_resolvers_that_flip_are_counted() -> None:
    """A resolver in the Netherlands with Japanese clients follows them from Tokyo to Osaka."""
    behind = Behind.of(table(*crowd(DUTCH, {"133.11": 4})), 0.0, 7.0)
    one = world(pops=POPS)
    far = world(pops=tuple(replace(p, bias=50.0) if p.id == "tokyo" else p for p in POPS))
    assert compared(reading(one, behind=behind), reading(far, behind=behind)).resolvers == 1


def test_a_difference_is_json() -> None:
    """What the API answers."""
    got = compared(reading(world()), reading(without("tokyo")))
    assert json.loads(json.dumps(got.as_dict()))["countries"]["lost"][0]["of"] == "JP"


def test_the_newer_map_needs_its_world() -> None:
    """Prices come from there."""
    one = reading(world())
    with pytest.raises(ValueError, match="the world of the newer map is needed"):
        differences(one, replace(one, believed=None))


def test_new_pops_are_priced_like_all_others() -> None:
    """A POP that joins takes Japan over, which gains 7 ms; the POPs of both maps are told in one table."""
    got = compared(reading(without("tokyo")), reading(world()))
    assert set(got.load) == set(got.load_before) == {p.id for p in POPS}
    assert got.countries.gained[0].gained_ms == pytest.approx(7)
