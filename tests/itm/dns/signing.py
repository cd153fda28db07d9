"""Signed maps for tests, and a judge that is not ours: dnspython validates what a signed reply holds."""

from __future__ import annotations

import dataclasses

import dns.dnssec
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from itm.catalog.types import Dnssec
from itm.dns import zonebook
from itm.dns.dnssec import ALGORITHMS, SigningKey, generate, public_of
from itm.dns.rdata import CDNSKEY, CDS, DNSKEY
from itm.dns.resign import Signing, resign
from itm.dns.signatures import Signatures, ZoneKeys
from itm.dns.steered import SteeredName
from itm.dns.steerednames import names_of
from itm.dns.zonebook import nearest
from itm.routemap.routemap import RouteMap

NOW = 1_700_000_000
ECDSA = "ecdsa-p256"


def flagged(routemap: RouteMap, algorithm: str = ECDSA) -> RouteMap:
    """The map with all its zones to be signed."""
    zones = tuple(dataclasses.replace(zone, dnssec=Dnssec(algorithm)) for zone in routemap.zones)
    return dataclasses.replace(routemap, zones=zones)


def sign(routemap: RouteMap, *, algorithm: str = ECDSA, old: Signatures | None = None) -> Signatures:
    """Sign every zone of a map with one fresh key each."""
    steered = names_of(routemap.services, routemap.pops)
    plain = zonebook.zones_of(routemap.zones, steered)
    keys, pairs = {}, {}
    for origin in plain:
        private = generate(ALGORITHMS[algorithm])
        public = public_of(private, is_entry_point=True)
        pairs[origin] = SigningKey(origin, public, private)
        rdatas = {DNSKEY: (public.rdata,), CDNSKEY: (public.rdata,), CDS: (public.ds(origin),)}
        keys[origin] = ZoneKeys(3600, rdatas)
    zones = zonebook.with_keys(routemap.zones, plain, keys, steered)
    names = [
        SteeredName(one, zones[nearest(_wire(one.name), zones) or b""], routemap.pops)
        for one in routemap.services
    ]
    jobs = [
        Signing(
            zone,
            keys[origin],
            [rrset for one in names if one.zone is zone for rrset in one.variants()],
            (pairs[origin],),
            (pairs[origin],),
        )
        for origin, zone in zones.items()
    ]
    return resign(jobs, old or Signatures(), NOW)[0]


def _wire(name: str) -> bytes:
    return dns.name.from_text(name).to_wire() or b""


def judge(wire: bytes, signatures: Signatures, now: float = NOW) -> dns.message.Message:
    """Validate a reply: every RRset of answer and authority but NS of a referral has a good signature.

    In the additional section what has a signature must have a good one.
    """
    message = dns.message.from_wire(wire)
    keys = {
        dns.name.from_wire(origin, 0)[0]: dns.rrset.from_rdata_list(
            dns.name.from_wire(origin, 0)[0],
            zone.ttl,
            [dns.rdata.from_wire("IN", "DNSKEY", r.wire, 0, len(r.wire)) for r in zone.rdatas[DNSKEY]],
        )
        for origin, zone in signatures.zones.items()
    }
    is_referral = not message.flags & dns.flags.AA
    for section in (message.answer, message.authority):
        for rrset in section:
            if rrset.rdtype == dns.rdatatype.RRSIG or (is_referral and rrset.rdtype == dns.rdatatype.NS):
                continue
            if rrset.rdtype == dns.rdatatype.CNAME and _is_made(rrset, section):
                continue
            found = message.get_rrset(section, rrset.name, rrset.rdclass, dns.rdatatype.RRSIG, rrset.rdtype)
            assert found is not None, f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} is not signed"
            dns.dnssec.validate(rrset, found, keys, now=now)  # type: ignore[arg-type]
    for rrset in message.additional:
        section = message.additional
        found = message.get_rrset(section, rrset.name, rrset.rdclass, dns.rdatatype.RRSIG, rrset.rdtype)
        if found is not None:
            dns.dnssec.validate(rrset, found, keys, now=now)  # type: ignore[arg-type]
    return message


def _is_made(cname: dns.rrset.RRset, section: list[dns.rrset.RRset]) -> bool:
    """Whether a CNAME was made from a DNAME above it."""
    return any(
        rrset.rdtype == dns.rdatatype.DNAME
        and cname.name.is_subdomain(rrset.name)
        and cname.name != rrset.name
        for rrset in section
    )


def denied(message: dns.message.Message) -> list[tuple[str, str, str]]:
    """The NSEC records of a reply: owner, next name, types."""
    found = []
    for rrset in message.authority:
        if rrset.rdtype == dns.rdatatype.NSEC:
            following, _, types = str(rrset[0]).partition(" ")
            found.append((str(rrset.name), following, types))
    return found
