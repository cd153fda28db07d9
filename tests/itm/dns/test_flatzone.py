"""What a transfer sends of each kind of steered name, and that a signed zone says nothing false by it."""

from __future__ import annotations

import dataclasses

import dns.rdata
import dns.rdatatype
import pytest

from itm.catalog.types import PLAIN, Form
from itm.dns import flatzone
from itm.dns.book import Book, build
from itm.dns.name import decode, encode
from itm.dns.rdata import NSEC, RRSIG, RRset
from itm.dns.signedzone import signable
from itm.routemap.routemap import RouteMap, ServiceAnswer
from tests.itm.dns.asking import demo_map
from tests.itm.dns.signing import flagged, sign

ORIGIN = encode("example.net.")
H3 = 'alpn="h3"'


def with_service(form: Form = PLAIN, values: tuple[str, ...] = (), fallback: str = "") -> RouteMap:
    """The demo map with one service, at a name of its own."""
    v4 = tuple(value for value in values if ":" not in value)
    v6 = tuple(value for value in values if ":" in value)
    one = ServiceAnswer("s.example.net.", 0, 20, v4, v6, form, fallback)
    return dataclasses.replace(demo_map(), services=(one,))


def sent(made: Book) -> list[RRset]:
    return list(flatzone.rrsets(made.zones.zones[ORIGIN], made.names, made.zones.sign))


def lines(rrsets: list[RRset], name: str) -> list[str]:
    """The records at a name as text, without signatures."""
    found = []
    for rrset in rrsets:
        if rrset.owner == encode(name) and rrset.rtype != RRSIG:
            for rdata in rrset.rdatas:
                data = dns.rdata.from_wire("IN", rrset.rtype, rdata.wire, 0, len(rdata.wire))
                found.append(f"{dns.rdatatype.to_text(rrset.rtype)} {data}")
    return found


CASES = [
    ((Form(), ("192.0.2.200",), "nyc"), ["A 192.0.2.200"]),  # values come first
    ((Form(), ("192.0.2.200", "2001:db8::2"), ""), ["A 192.0.2.200", "AAAA 2001:db8::2"]),
    ((Form(), (), "nyc"), ["A 127.20.0.3", "AAAA 2001:db8:20::3"]),
    ((Form(), (), "tyo"), ["A 127.20.0.2"]),  # it has no IPv6, whatever others have
    ((Form(), (), ""), []),
    ((Form(https=H3), (), "tyo"), ["A 127.20.0.2", 'HTTPS 1 . alpn="h3" ipv4hint="127.20.0.2"']),
    ((Form(svcb="port=853"), (), "tyo"), ["A 127.20.0.2", 'SVCB 1 . port="853" ipv4hint="127.20.0.2"']),
    ((Form(is_alias=True, has_direct=True), (), "ams"), ["CNAME ams.s.example.net."]),
    ((Form(has_direct=True), (), "nyc"), ["A 127.20.0.3", "AAAA 2001:db8:20::3"]),
]


@pytest.mark.parametrize(("service", "there"), CASES)
def test_steered_names_are_flattened(service: tuple[Form, tuple[str, ...], str], there: list[str]) -> None:
    """To the values, else to all addresses of the fallback POP; an alias to that POP's own name."""
    rrsets = sent(build(with_service(*service)))
    assert lines(rrsets, "s.example.net.") == there
    direct = lines(rrsets, "nyc.s.example.net.")
    assert bool(direct) is service[0].has_direct  # own names stay as they are


@pytest.mark.parametrize(("service", "there"), CASES)
def test_a_signed_zone_is_whole(service: tuple[Form, tuple[str, ...], str], there: list[str]) -> None:
    """Every RRset has its signature, and each NSEC names what is sent at its name, no more and no less."""
    routemap = flagged(with_service(*service))
    made = build(routemap, signatures=sign(routemap))
    rrsets = sent(made)
    zone = made.zones.zones[ORIGIN]
    owed = {(r.owner, r.rtype) for r in signable(zone)} | {
        (encode("s.example.net."), dns.rdatatype.from_text(line.split()[0])) for line in there
    }
    held: dict[bytes, set[int]] = {}
    for before, rrset in zip([None, *rrsets], rrsets, strict=False):
        if rrset.rtype == RRSIG:
            assert before is not None
            assert rrset.rdatas == made.zones.sign(before)
            owed.discard((before.owner, before.rtype))
        held.setdefault(rrset.owner.lower(), set()).add(rrset.rtype)
    assert owed == set()
    for rrset in rrsets:
        if rrset.rtype == NSEC and rrset.owner not in zone.cuts:
            wire = rrset.rdatas[0].wire
            (_, *types) = str(dns.rdata.from_wire("IN", "NSEC", wire, 0, len(wire))).split()
            assert {int(dns.rdatatype.from_text(t)) for t in types} == held[rrset.owner], decode(rrset.owner)


def test_the_digest_is_that_of_what_is_sent() -> None:
    """The same on every server; another one with a record, a fallback, a signature; not with the serial."""

    def of(routemap: RouteMap) -> bytes:
        made = build(routemap)
        return flatzone.digest(made.zones.zones[ORIGIN], made.names, made.zones.sign)

    plain = with_service(fallback="nyc")
    assert of(plain) == of(plain)
    zone = plain.zones[0]

    def edited(old: str, new: str) -> RouteMap:
        changed = dataclasses.replace(zone, text=zone.text.replace(old, new))
        return dataclasses.replace(plain, zones=(changed,))

    assert of(edited("2024010101", "2024010102")) == of(plain)
    assert of(edited("192.0.2.25", "192.0.2.26")) != of(plain)
    assert of(edited("7200", "7201")) != of(plain)
    assert of(with_service(fallback="tyo")) != of(plain)
    signed = flagged(plain)
    digests = set()
    for _ in range(2):  # two keys
        made = build(signed, signatures=sign(signed))
        digests.add(flatzone.digest(made.zones.zones[ORIGIN], made.names, made.zones.sign))
    assert len(digests) == 2
