"""The algorithm's own corners; the table of answers stands in `test_answer`."""

from __future__ import annotations

from itm.catalog.types import ZoneText
from itm.dns.lookup import MAX_CHAIN, lookup
from itm.dns.name import encode
from itm.dns.steerednames import names_of
from itm.dns.zone import parse
from tests.itm.dns.asking import ZONE, services

DEMO = parse(ZoneText("example.net.", ZONE), names_of(services("gw.example.net."), ()))


def test_a_steered_name_is_pointed_at() -> None:
    """A and AAAA of a service come from elsewhere, other types from the zone."""
    gw = encode("gw.example.net.")
    assert lookup(DEMO, gw, 1).is_steered
    assert lookup(DEMO, gw, 28).is_steered
    assert not lookup(DEMO, gw, 16).is_steered


def test_glue_and_what_is_not() -> None:
    """Addresses below the cut are glue (must be sent), those beside it are not."""
    found = lookup(DEMO, encode("x.sub.example.net."), 1)
    assert [rrset.owner for rrset in found.glue] == [encode("ns.sub.example.net.")]
    assert {rrset.owner for rrset in found.additional} == {encode("ns1.example.net.")}


def test_long_chains_end() -> None:
    """A chain longer than any real one is left to the resolver."""
    links = "".join(f"c{n} 60 CNAME c{n + 1}\n" for n in range(40))
    zone = parse(ZoneText("example.net.", "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS ns.example.org.\n" + links))
    found = lookup(zone, encode("c0.example.net."), 1)
    assert (found.rcode, len(found.answer)) == (0, MAX_CHAIN)


def test_a_root_zone() -> None:
    """The root is a zone like others."""
    zone = parse(ZoneText(".", "@ 60 SOA a.x. b.x. 1 2 3 4 5\n@ 60 NS ns.x.\nns.x. 60 A 192.0.2.1\n"))
    assert lookup(zone, encode("nowhere."), 1).rcode == 3
    assert lookup(zone, encode("ns.x."), 1).answer
    assert lookup(zone, b"\0", 6).answer
