"""Every row of the checklist holds, over the transports it names, of the unsigned and of the signed zone."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import dns.rdatatype
import pytest

from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.cookie import Cookies
from itm.dns.identity import Identity
from itm.dns.signatures import Signatures
from tests.itm.dns import test_tcp_checklist
from tests.itm.dns.asking import Ask, Told, demo_map, tell
from tests.itm.dns.checklist import DO, ELSEWHERE, ROWS, STREAMS, Row
from tests.itm.dns.signing import NOW, flagged, judge, sign

NAMES = (Path(__file__).parent / "checklist.names").read_text().split()
PEER = "133.11.0.9"
IDENTITY = Identity(nsid="ams-1", cookies=Cookies((b"k" * 16,), lambda: 1e9))
A, NS, SOA, RRSIG, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY = 1, 2, 6, 46, 48, 50, 51, 59, 60


@pytest.fixture(scope="module")
def signatures() -> Signatures:
    return sign(flagged(demo_map()))


@pytest.fixture(scope="module")
def servers(signatures: Signatures) -> dict[bool, Answerer]:
    """By whether the zone is signed."""
    signed = build(flagged(demo_map()), signatures=signatures)
    return {False: Answerer(build(demo_map()), identity=IDENTITY), True: Answerer(signed, identity=IDENTITY)}


def test_no_row_is_missing() -> None:
    """Each name of the list is a row here or a test elsewhere, not both, and there is no other."""
    assert sorted([*ROWS, *ELSEWHERE]) == sorted(NAMES)
    assert set(STREAMS) <= set(test_tcp_checklist.ROWS)
    for place in ELSEWHERE.values():
        module, _, test = place.partition(":")
        assert callable(getattr(importlib.import_module(f"tests.itm.dns.{module}"), test)), place


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row(servers: dict[bool, Answerer], row: Row, signed: bool) -> None:
    """Twice each, by the long path and the short one: the same bytes; what every reply must have, it has."""
    for tcp in row.transports:
        replies = {servers[signed].answer(row.packet, PEER, tcp) for _ in range(2)}
        assert len(replies) == 1
        (wire,) = replies
        if row.rcode is None:
            assert wire is None
            continue
        assert wire is not None
        check_frame(row, wire, tcp=tcp)
        if b"\0.\xff@" not in wire:  # dnspython prints what it reads
            check_content(
                row, Told(wire), has_do=signed and isinstance(row.ask, Ask) and bool(row.ask.ttl & DO)
            )


def check_frame(row: Row, wire: bytes, *, tcp: bool) -> None:
    packet = row.packet
    assert wire[:2] == packet[:2]
    assert wire[2] & 0x80
    assert wire[2] & 0x78 == packet[2] & 0x78
    assert wire[2] & 0x01 == packet[2] & 0x01
    assert not wire[3] & 0xF0
    assert tcp or len(wire) <= 1232
    if isinstance(row.ask, Ask) and row.ask.counts is None and wire[4:6] != b"\0\0":
        assert wire[12 : 12 + len(row.ask.question)] == row.ask.question


def check_content(row: Row, told: Told, *, has_do: bool) -> None:
    assert told.rcode == row.rcode
    assert told.aa == row.aa
    assert frozenset(told.options) == row.options
    if isinstance(row.ask, Ask) and row.ask.counts is None:
        assert (told.opt_ttl is not None) == row.ask.edns
    assert has_do or not {"RRSIG", "NSEC"} & {line.split()[2] for line in told.lines("answer")}
    if row.answer is not None:
        assert tuple(line.lower() for line in told.lines("answer")) == tuple(map(str.lower, row.answer))
    if row.authority is not None:
        assert tuple(line.split()[2] for line in told.lines("authority")) == row.authority
    assert row.also(told)


@pytest.mark.parametrize("rtype", [SOA, NS, DNSKEY, CDS, CDNSKEY, A])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_signatures(servers: dict[bool, Answerer], signatures: Signatures, rtype: int, tcp: bool) -> None:
    """Beside each answer stands its own signature, and it is good."""
    name = "gw.example.net." if rtype == A else "example.net."
    message = judge(tell(servers[True], Ask(name, rtype, ttl=DO), tcp=tcp).wire, signatures)
    assert [rrset.rdtype for rrset in message.answer] == [rtype, RRSIG]


def test_signatures_only_with_do(servers: dict[bool, Answerer]) -> None:
    """Without DO the reply is that of an unsigned zone, byte for byte, whatever was asked before."""
    for row in ROWS.values():
        if isinstance(row.ask, Ask) and not row.ask.ttl and row.ask.qtype not in {255, DNSKEY, CDS, CDNSKEY}:
            for tcp in row.transports:
                servers[True].answer(dataclasses.replace(row.ask, ttl=DO).packet(), PEER, tcp)
                replies = [server.answer(row.packet, PEER, tcp) for server in servers.values()]
                assert replies[0] == replies[1], row.ask


def test_the_key_set_fits(servers: dict[bool, Answerer]) -> None:
    """DNSKEY with its signature is whole over UDP."""
    told = tell(servers[True], Ask("example.net.", DNSKEY, ttl=DO))
    assert not told.tc
    assert len(told.wire) <= 1232


def test_the_time_of_signatures(signatures: Signatures) -> None:
    """They began an hour ago, and each is good for much longer than the longest TTL from now."""
    found = [rdata.wire for some in signatures.rrsigs.values() for rdata in some]
    for wire in found:
        ttl, end, begin = (int.from_bytes(wire[at : at + 4], "big") for at in (4, 8, 12))
        assert begin <= NOW - 3600
        assert end >= NOW + ttl + 7 * 86_400
    assert found


def test_there_is_no_nsec3(servers: dict[bool, Answerer]) -> None:
    """Denials are NSEC: no iterations, no salt."""
    told = tell(servers[True], Ask("no.example.net.", A, ttl=DO))
    kinds = {dns.rdatatype.from_text(line.split()[2]) for line in told.lines("authority")}
    assert NSEC3 not in kinds
    assert tell(servers[True], Ask("example.net.", NSEC3PARAM, ttl=DO)).lines("answer") == []
