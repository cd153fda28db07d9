from __future__ import annotations

import numpy as np

from itm.catalog.types import Catalog, Rule
from itm.steer.classes import NOT_ALLOWED, class_of, classes_of
from tests.itm.steer.worlds import POPS, pop, service

POOLS = (("eu", ("ams",)), ("asia", ("tokyo", "osaka")), ("both", ("osaka", "ams")))


def test_services_that_share_all_that_steers_are_one_class() -> None:
    """Name, TTL and last-resort values do not steer; pools, rules, chain and tags do."""
    twin = service("b.example.net.", ttl=60, ipv4_values=("192.0.2.1",))
    other = service("c.example.net.", steer=("up", "allowed", "fastest"))
    classes, index = classes_of(Catalog(POPS, (service("a.example.net."), other, twin), ()))
    assert index == {"a.example.net.": 0, "c.example.net.": 1, "b.example.net.": 0}
    assert classes == (class_of(twin), class_of(other))


def test_a_tier_is_the_first_pool_that_names_the_pop() -> None:
    """Per rule and POP: a POP of two pools has the better tier, one of none is not allowed."""
    one = class_of(service(pools=POOLS, rules=(Rule(("eu", "both")), Rule(("asia", "both", "eu")))))
    assert one.tiers(POPS).tolist() == [
        [NOT_ALLOWED, 1, 0, NOT_ALLOWED],
        [0, 0, 1, NOT_ALLOWED],
    ]


def test_residency_needs_every_tag() -> None:
    """One of two required tags is not enough, whatever the pools say."""
    pops = (pop("tokyo", 1, tags=("jp", "iso")), pop("osaka", 2, tags=("jp",)), *POPS[2:])
    one = class_of(service(require_tags=("jp", "iso")))
    assert one.tiers(pops).tolist() == [[0, NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED]]


def test_the_fallback_is_the_catch_all_s_first_pop_with_the_tags() -> None:
    """By the catalog alone, in its order; through further pools; none when nobody has the tags."""
    rules = (Rule(("eu",), geos=("EU",)), Rule(("asia", "eu")))
    assert class_of(service(pools=POOLS, rules=rules)).fallback(POPS) == "tokyo"
    tagged = class_of(service(pools=POOLS, rules=rules, require_tags=("eea",)))
    assert tagged.fallback((pop("tokyo", 1), pop("ams", 3, tags=("eea",)))) == "ams"
    assert tagged.fallback(POPS) == ""


def test_the_first_rule_that_holds_is_a_place_s_rule() -> None:
    """Any of a rule's conditions is enough; a continent covers its countries; the last rule is for all."""
    one = class_of(
        service(
            rules=(
                Rule(("world",), geos=("EU-NL",), asns=(2501,)),
                Rule(("world",), geos=("EU",)),
                Rule(("world",), subnets=("10.0.0.0/8",)),
                Rule(("world",)),
            )
        )
    )
    got = one.rules_of_places(
        np.array(["NL", "DE", "JP", "JP", ""]),
        np.array(["EU", "EU", "AS", "AS", ""]),
        np.array([1, 1, 2501, 1, 0], dtype=np.uint32),
    )
    assert got.tolist() == [0, 1, 0, 3, 3]


def test_a_country_code_is_not_taken_for_a_continent() -> None:
    """`AS` is Asia and American Samoa, `NA` North America and Namibia."""
    one = class_of(
        service(rules=(Rule(("world",), geos=("AF-NA",)), Rule(("world",), geos=("NA",)), Rule(())))
    )
    country, continent = np.array(["NA", "US", "AS"]), np.array(["AF", "NA", "OC"])
    assert one.rules_of_places(country, continent, np.zeros(3, dtype=np.uint32)).tolist() == [0, 1, 2]


def test_subnets_are_ranges_of_units_in_rule_order() -> None:
    """Each family for itself; a prefix longer than a unit covers the unit it lies in."""
    rules = (
        Rule(("world",), subnets=("10.1.0.0/16", "2001:db8::/32")),
        Rule(("world",), subnets=("192.0.2.128/25",)),
        Rule(("world",)),
    )
    one = class_of(service(rules=rules))
    assert one.subnet_ranges(4) == [(0x0A0100, 0x0A0200, 0), (0xC00002, 0xC00003, 1)]
    assert one.subnet_ranges(6) == [(0x20010DB80000, 0x20010DB90000, 0)]
