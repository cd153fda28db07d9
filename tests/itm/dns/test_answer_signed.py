"""What a signed zone says with DO=1: every reply validates, every denial is proved."""

from __future__ import annotations

import dataclasses

import pytest

from itm.dns import flatzone
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.lookup import lookup
from itm.dns.name import encode
from itm.dns.signatures import Signatures
from itm.errors import NotSigned
from itm.routemap.health import Content
from itm.routemap.routemap import PopAnswer
from tests.itm.dns.asking import Ask, demo_map, ecs, tell, with_ttls
from tests.itm.dns.signing import denied, flagged, judge, sign

A, NS, CNAME, SOA, MX, TXT, AAAA, DS, RRSIG, NSEC, DNSKEY, CDS, HTTPS, ANY = (
    *(1, 2, 5, 6, 15, 16, 28, 43, 46, 47, 48, 59, 65, 255),
)
NXDOMAIN = 3
DO = 0x8000


@pytest.fixture(scope="module")
def signatures() -> Signatures:
    return sign(flagged(demo_map()))


@pytest.fixture
def server(signatures: Signatures) -> Answerer:
    return Answerer(build(flagged(demo_map()), signatures=signatures))


QUESTIONS = [
    ("example.net.", SOA), ("example.net.", NS), ("example.net.", DNSKEY), ("example.net.", CDS),
    ("example.net.", MX), ("example.net.", DS), ("example.net.", ANY), ("www.example.net.", A),
    ("www.example.net.", MX), ("web.example.net.", HTTPS), ("alias2.example.net.", A),
    ("alias2.example.net.", MX), ("dangling.example.net.", A), ("outside.example.net.", A),
    ("togw.example.net.", A), ("no.example.net.", A), ("a.b.no.example.net.", A), ("zzz.example.net.", A),
    ("ent.example.net.", A), ("c.ent.example.net.", A), ("x.wild.example.net.", TXT),
    ("x.y.wild.example.net.", A), ("x.wild.example.net.", MX), ("wild.example.net.", TXT),
    ("*.wild.example.net.", A), ("x.wcname.example.net.", A), ("host.sub.example.net.", A),
    ("sub.example.net.", DS), ("sub.example.net.", NS), ("host.secure.example.net.", A),
    ("secure.example.net.", NS), ("secure.example.net.", DS), ("secure.example.net.", RRSIG),
    ("x.old.example.net.", A),
    ("no.old.example.net.", A), ("old.example.net.", A), ("gw.example.net.", A),
    ("gw.example.net.", AAAA), ("gw.example.net.", TXT), ("gw.example.net.", MX),
    ("v4.gw2.example.net.", A), ("v4.gw2.example.net.", AAAA), ("gw2.example.net.", A),
    ("huge.example.net.", TXT), ("www.example.net.", NSEC), ("gw.example.net.", NSEC),
]  # fmt: skip


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize(("name", "rtype"), QUESTIONS, ids=lambda given: str(given))
def test_every_reply_validates(
    server: Answerer, signatures: Signatures, name: str, rtype: int, tcp: bool
) -> None:
    """With DO each RRset has its signature; without it the reply is that of an unsigned zone."""
    told = tell(server, Ask(name, rtype, ttl=DO), tcp=tcp)
    assert told.opt_ttl == DO
    judge(told.wire, signatures)
    plain = tell(server, Ask(name, rtype), tcp=tcp)
    assert plain.rcode == told.rcode
    if not told.tc:
        kinds = {line.split()[2] for section in ("answer", "authority") for line in plain.lines(section)}
        assert kinds & {"RRSIG", "DNSKEY", "CDS"} == ({"DNSKEY", "CDS"} & kinds)
        assert ("NSEC" in kinds) == (rtype == NSEC)


@pytest.mark.parametrize(
    ("name", "rtype", "owners"),
    [
        ("example.net.", MX, {"mail.example.net."}),
        ("example.net.", NS, {"ns1.example.net."}),
        ("_sip._tcp.example.net.", 33, {"mail.example.net."}),
        ("host.sub.example.net.", A, {"ns1.example.net."}),  # but not the glue beside it
    ],
)
def test_additional_records_are_signed(
    server: Answerer, signatures: Signatures, name: str, rtype: int, owners: set[str]
) -> None:
    """RFC 4035 3.1.1: the zone's own addresses come with their signatures; glue has none (RFC 4035 2.2)."""
    message = judge(tell(server, Ask(name, rtype, ttl=DO)).wire, signatures)
    kinds = {str(rrset.name): set[int]() for rrset in message.additional}
    for rrset in message.additional:
        kinds[str(rrset.name)].add(int(rrset.rdtype))
    assert {owner for owner, found in kinds.items() if RRSIG in found} == owners
    assert all(found & {A, AAAA} for found in kinds.values())


def test_glue_must_be_sent_and_the_rest_may_be_left_out(server: Answerer) -> None:
    """RFC 9471: signatures beside other servers' addresses do not make a referral need more room."""
    name = encode("host.sub.example.net.")
    zone = server.book.zones.zones[encode("example.net.")]
    body = server.book.body(zone, name, lookup(zone, name, A), dnssec=True)
    assert body.least_counts == (0, 4, 1)
    assert body.full_counts == (0, 4, 5)


@pytest.mark.parametrize("ttl", [0, DO], ids=["plain", "do"])
@pytest.mark.parametrize("name", ["sub.example.net.", "ns.sub.example.net.", "host.sub.example.net."])
def test_signatures_at_a_cut_are_the_childs(server: Answerer, name: str, ttl: int) -> None:
    """A question for RRSIG itself is referred at a cut and below it, as most are (RFC 1034 4.3.2)."""
    told = tell(server, Ask(name, RRSIG, ttl=ttl))
    assert (told.rcode, told.aa, told.lines("answer")) == (0, False, [])
    assert [line.split()[2] for line in told.lines("authority")][:2] == ["NS", "NS"]
    there = tell(server, Ask("www.example.net.", RRSIG, ttl=ttl))
    assert there.aa
    assert [line.split()[2] for line in there.lines("answer")] == ["RRSIG"]


DENIALS = [
    # NXDOMAIN: the span of the name, and that of the wildcard
    ("no.example.net.", A, NXDOMAIN, ["x.new.example.net.", "example.net."]),
    ("a.b.no.example.net.", A, NXDOMAIN, ["x.new.example.net.", "example.net."]),
    ("c.ent.example.net.", A, NXDOMAIN, ["a.b.ent.example.net.", "dangling.example.net."]),
    ("dangling.example.net.", A, NXDOMAIN, ["x.new.example.net.", "example.net."]),
    # NODATA: the name's own, the one before an empty non-terminal
    ("www.example.net.", MX, 0, ["www.example.net."]),
    ("ent.example.net.", A, 0, ["dangling.example.net."]),
    ("alias2.example.net.", MX, 0, ["www.example.net."]),
    # wildcards: the name is not there; without the type, the wildcard's own too
    ("x.wild.example.net.", TXT, 0, ["here.wild.example.net."]),
    ("x.y.wild.example.net.", A, 0, ["here.wild.example.net."]),
    ("x.wild.example.net.", MX, 0, ["*.wild.example.net.", "here.wild.example.net."]),
    ("wild.example.net.", TXT, 0, ["web.example.net."]),
    # a delegation without DS
    ("host.sub.example.net.", A, 0, ["sub.example.net."]),
    ("sub.example.net.", DS, 0, ["sub.example.net."]),
    ("gw.example.net.", MX, 0, ["gw.example.net."]),
]


@pytest.mark.parametrize(("name", "rtype", "rcode", "owners"), DENIALS)
def test_denials(
    server: Answerer, signatures: Signatures, name: str, rtype: int, rcode: int, owners: list[str]
) -> None:
    """Each denial comes with exactly the records that prove it (RFC 4035 3.1.3)."""
    message = judge(tell(server, Ask(name, rtype, ttl=DO)).wire, signatures)
    assert message.rcode() == rcode
    assert {owner for owner, _, _ in denied(message)} == set(owners)


SECURE = "secure.example.net."
SECURE_DS = f"{SECURE} 300 DS 60485 13 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"


@pytest.mark.parametrize("name", [SECURE, "host.secure.example.net."])
def test_a_secure_delegation(server: Answerer, signatures: Signatures, name: str) -> None:
    """A referral to a signed child has its DS and nothing to deny (RFC 4035 3.1.4)."""
    told = tell(server, Ask(name, A, ttl=DO))
    assert (told.aa, told.lines("answer")) == (False, [])
    servers, ds, signature = told.lines("authority")
    assert (servers, ds) == (f"{SECURE} 300 NS ns1.example.net.", SECURE_DS)
    assert signature.startswith(f"{SECURE} 300 RRSIG DS 13 3 300 ")
    judge(told.wire, signatures)
    assert tell(server, Ask(name, A)).lines("authority") == [servers]


def test_the_ds_of_a_secure_delegation(server: Answerer, signatures: Signatures) -> None:
    """The parent answers it with authority, at the cut only (RFC 4035 3.1.4.1)."""
    told = tell(server, Ask(SECURE, DS, ttl=DO))
    assert told.aa
    assert told.lines("authority") == []
    ds, signature = told.lines("answer")
    assert ds == SECURE_DS
    assert signature.startswith(f"{SECURE} 300 RRSIG DS 13 3 300 ")
    judge(told.wire, signatures)
    assert tell(server, Ask(SECURE, DS)).lines("answer") == [SECURE_DS]
    assert not tell(server, Ask("host.secure.example.net.", DS, ttl=DO)).aa


def test_bitmaps_list_what_can_be_answered(server: Answerer, signatures: Signatures) -> None:
    """A steered name's types stand in its NSEC; where a POP has no IPv6, AAAA does not."""
    denial = judge(tell(server, Ask("gw.example.net.", MX, ttl=DO)).wire, signatures)
    assert denied(denial) == [("gw.example.net.", "v4.gw2.example.net.", "A TXT AAAA RRSIG NSEC")]
    tokyo = Ask("gw.example.net.", AAAA, ttl=DO, options=(ecs("133.11.9.0/24"),))
    message = judge(tell(server, tokyo).wire, signatures)
    assert denied(message) == [("gw.example.net.", "v4.gw2.example.net.", "A TXT RRSIG NSEC")]
    referral = judge(tell(server, Ask("host.sub.example.net.", A, ttl=DO)).wire, signatures)
    assert denied(referral)[0][2] == "NS RRSIG NSEC"


@pytest.mark.parametrize("subnet", ["10.1.0.0/16", "133.11.7.0/24", "198.51.100.0/24", "2001:db8:0::/48"])
def test_every_variant_is_signed(server: Answerer, signatures: Signatures, subnet: str) -> None:
    """Each network's answer carries its own signature, with the scope of the unsigned one."""
    for rtype in (A, AAAA):
        ask = Ask("gw.example.net.", rtype, ttl=DO, options=(ecs(subnet),))
        told = tell(server, ask)
        judge(told.wire, signatures)
        assert told.subnet == tell(server, dataclasses.replace(ask, ttl=0)).subnet


def test_addresses_that_are_down_stay_signed() -> None:
    """Whichever hosts of a POP are gone, what is left was signed before."""
    pops = (PopAnswer("ams", tuple(f"192.0.2.{n}" for n in range(1, 6))), *demo_map().pops[1:])
    routemap = flagged(dataclasses.replace(demo_map(), pops=pops))
    signatures = sign(routemap)
    book = build(routemap, signatures=signatures)
    server = Answerer(book)
    ask = Ask("gw.example.net.", A, ttl=DO, options=(ecs("10.1.0.0/16"),))
    for count, left in [(0, 5), (1, 4), (2, 1), (3, 1)]:
        book.apply(Content({}, frozenset(pops[0].ipv4[:count])))
        message = judge(tell(server, ask).wire, signatures)
        assert len(message.answer[0]) == left


@pytest.mark.parametrize("payload", [512, 1231, 1232, 4096])
def test_size_counts(server: Answerer, payload: int) -> None:
    """What does not fit is truncated, signed or not; the path taken does not matter."""
    for name, rtype in (("www.example.net.", A), ("no.example.net.", A), ("mid.example.net.", TXT)):
        told = tell(server, Ask(name, rtype, ttl=DO, payload=payload))
        assert len(told.wire) <= min(1232, max(512, payload))


def test_an_unsigned_rrset_stops_the_book(signatures: Signatures) -> None:
    """A map whose records are not all signed is not served; one that only steers otherwise is."""
    routemap = flagged(demo_map())
    moved = dataclasses.replace(routemap, version=8, classes=routemap.classes[::-1])
    assert build(moved, signatures=signatures).routemap is moved
    other = dataclasses.replace(routemap, pops=(PopAnswer("ams", ("192.0.2.77",)), *routemap.pops[1:]))
    with pytest.raises(NotSigned, match=r"zone example.net.: gw.example.net. A(AAA)? has no signature"):
        build(other, build(routemap, signatures=signatures))
    with pytest.raises(NotSigned, match="DNSKEY"):
        build(routemap)


@pytest.mark.parametrize("subnet", ["10.1.0.0/16", "133.11.0.0/24", "192.0.2.0/24"])
def test_a_lower_ttl_needs_no_signature_of_its_own(subnet: str) -> None:
    """One signature at the highest TTL holds for all below (RFC 4035 5.3.3); a transfer's set has its own."""
    routemap = with_ttls(flagged(demo_map()), (0, 1, 3), 300)
    signatures = sign(routemap)
    book = build(routemap, signatures=signatures)
    server = Answerer(book)
    ask = Ask("gw.example.net.", A, ttl=DO, options=(ecs(subnet),))
    message = judge(tell(server, ask).wire, signatures)
    ttl = {"10.1.0.0/16": 49, "133.11.0.0/24": 300, "192.0.2.0/24": 20}[subnet]
    assert {rrset.ttl for rrset in message.answer} == {ttl}
    assert message.answer[1][0].original_ttl == 300  # type: ignore[attr-defined]
    assert tell(server, dataclasses.replace(ask, ttl=0)).lines("answer")[0].split()[1] == str(ttl)
    zone = book.zones.zones[encode("example.net.")]
    sent = [
        one for one in flatzone.rrsets(zone, book.names, book.zones.sign) if one.owner == book.names[0].name
    ]
    assert {one.ttl for one in sent if one.rtype == A} == {20}
    assert book.zones.sign(next(one for one in sent if one.rtype == A))
