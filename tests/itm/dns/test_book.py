from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from itm.catalog.types import ZoneText
from itm.dns.answer import Answerer
from itm.dns.book import build, empty
from itm.dns.name import encode
from itm.errors import CatalogError
from itm.routemap.routemap import NO_POP, ServiceAnswer
from tests.itm.dns.asking import Ask, demo_map, ecs, tell

CHILD = ZoneText("sub.example.net.", "@ 300 SOA ns admin 1 2 3 4 60\n@ NS ns\nns A 192.0.2.54\n")


def test_zones_are_taken_over_while_they_stay() -> None:
    """A new map with the same zones and services costs no zone work."""
    first = build(demo_map())
    second = build(dataclasses.replace(demo_map(), version=8), first)
    assert second.zones is first.zones
    changed = dataclasses.replace(demo_map(), zones=(*demo_map().zones, CHILD))
    assert build(changed, first).zones is not first.zones


def test_a_child_zone_beside_its_parent() -> None:
    """Below the cut the child answers with authority; DS of the child is the parent's."""
    book = build(dataclasses.replace(demo_map(), zones=(*demo_map().zones, CHILD)))
    server = Answerer(book)
    assert tell(server, Ask("sub.example.net.", 6)).aa
    assert tell(server, Ask("ns.sub.example.net.", 1)).lines("answer") == [
        "ns.sub.example.net. 60 A 192.0.2.54"
    ]
    there = tell(server, Ask("sub.example.net.", 43))
    assert there.lines("authority")[0].startswith("example.net. 60 SOA")
    assert book.zone_of(encode("x.sub.example.net."), 43) is book.zones.zones[encode("sub.example.net.")]
    assert book.zone_of(encode("example.org."), 1) is None


def test_a_child_zone_must_be_delegated() -> None:
    """Else DS and denials of its parent would say that it is not there."""
    lost = dataclasses.replace(CHILD, name="x.www.example.net.")
    with pytest.raises(CatalogError) as error:
        build(dataclasses.replace(demo_map(), zones=(lost, *demo_map().zones, CHILD)))
    (reason,) = error.value.reasons
    assert reason.startswith("zone example.net.: x.www.example.net. NS: expected at least one")


def test_services_must_lie_in_a_zone() -> None:
    """A service outside every zone, or at a wildcard, is refused by name."""
    services = (ServiceAnswer("gw.example.org.", 0, 20), ServiceAnswer("*.example.net.", 0, 20))
    with pytest.raises(CatalogError) as error:
        build(dataclasses.replace(demo_map(), services=services))
    assert len(error.value.reasons) == 2


def test_services_of_one_class_share_it() -> None:
    """Two names, one class: the same choice, their own TTLs."""
    services = tuple(ServiceAnswer(f"{name}.example.net.", 0, ttl) for name, ttl in (("x", 5), ("y", 6)))
    server = Answerer(build(dataclasses.replace(demo_map(), services=services)))
    x, y = (tell(server, Ask(f"{name}.example.net.", 1)).lines("answer")[0].split() for name in "xy")
    assert (x[1], y[1], x[3]) == ("5", "6", y[3])


def test_a_leaf_without_pops_gives_the_values() -> None:
    """Where no POP is allowed the last-resort values are answered, with the scope of the run."""
    one = demo_map().classes[0]
    leaves, tails = one.leaves.copy(), (*one.tails, np.array([], "<u2"))
    leaves[1] = NO_POP
    one = dataclasses.replace(one, leaves=leaves, leaf_tail=np.array([0, 1, 0], "<u2"), tails=tails)
    server = Answerer(build(dataclasses.replace(demo_map(), classes=(one,))))
    told = tell(server, Ask("gw.example.net.", 1, options=(ecs("10.1.2.0/24"),)))
    assert told.lines("answer") == ["gw.example.net. 20 A 192.0.2.200"]
    assert told.subnet == (1, 24, 9, b"\x0a\x01\x02")
    assert server.counters.by_pop()["values"] == 2


def test_answers_too_large_for_the_short_path() -> None:
    """A POP with many addresses: truncated over small UDP, whole over TCP."""
    pops = list(demo_map().pops)
    pops[2] = dataclasses.replace(pops[2], ipv4=tuple(f"198.51.100.{n}" for n in range(60)))
    server = Answerer(build(dataclasses.replace(demo_map(), pops=tuple(pops))))
    assert tell(server, Ask("gw.example.net.", 1, edns=False)).tc
    assert len(tell(server, Ask("gw.example.net.", 1, edns=False), tcp=True).lines("answer")) == 60


def test_an_empty_book_has_no_pops() -> None:
    """A node without a map knows nobody."""
    assert empty().pop_ids == ()
    assert not empty().fail_open


def test_a_book_that_was_replaced_dissolves() -> None:
    """What its heir does not use goes; what both have stays, and the heir answers as before."""
    first = build(demo_map())
    heir = build(demo_map(), first)
    kept = dict(heir.zones.entries)
    first.dissolve(heir)
    assert (first.steered, first.short) == ({}, {})
    assert heir.zones.entries == kept
    assert heir.steered
    other = build(demo_map())
    heir.dissolve(other)
    assert heir.zones.entries == {}
    assert other.zones.entries
