"""The probes of an authority on an unsigned zone: zone text in (`asking.ZONE`), expected answer out."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from itm.dns.answer import Answerer, unit_of
from itm.dns.book import build
from itm.dns.name import encode
from itm.routemap.health import HealthReader, HealthWriter, State
from tests.itm.dns.asking import Ask, Told, demo_answerer, demo_map, ecs, opt, tell
from tests.itm.routemap.worlds import random_map

A, NS, CNAME, SOA, HINFO, MX, TXT, AAAA, SRV, DS, HTTPS, CAA, ANY = (
    *(1, 2, 5, 6, 13, 15, 16, 28, 33, 43, 65, 257, 255),
)
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS = 0, 1, 2, 3, 4, 5, 9, 16
NEGATIVE = "example.net. 60 SOA ns1.example.net. hostmaster.example.net. 2024010101 7200 3600 1209600 60"


@pytest.fixture
def server() -> Answerer:
    return demo_answerer()


# Each row: name and type; then rcode, the AA bit, and the three sections.
TABLE = [
    ("example.net.", SOA, 0, True, [NEGATIVE.replace(" 60 SOA", " 300 SOA")], [], []),
    (
        "example.net.",
        NS,
        0,
        True,
        ["example.net. 300 NS ns1.example.net.", "example.net. 300 NS ns2.example.org."],
        [],
        ["ns1.example.net. 300 A 192.0.2.1", "ns1.example.net. 300 AAAA 2001:db8::1"],
    ),
    (
        "example.net.",
        MX,
        0,
        True,
        ["example.net. 300 MX 10 mail.example.net."],
        [],
        ["mail.example.net. 600 A 192.0.2.25"],
    ),
    ("example.net.", CAA, 0, True, ['example.net. 300 CAA 0 issue "ca.example.org"'], [], []),
    ("example.net.", TXT, 0, True, ['example.net. 300 TXT "v=spf1 -all","second string"'], [], []),
    ("www.example.net.", A, 0, True, [f"www.example.net. 300 A 192.0.2.8{i}" for i in (0, 1)], [], []),
    ("www.example.net.", AAAA, 0, True, ["www.example.net. 300 AAAA 2001:db8::80"], [], []),
    (
        "web.example.net.",
        HTTPS,
        0,
        True,
        ["web.example.net. 300 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.80"],
        [],
        [],
    ),
    (
        "_sip._tcp.example.net.",
        SRV,
        0,
        True,
        ["_sip._tcp.example.net. 300 SRV 10 60 5061 mail.example.net."],
        [],
        ["mail.example.net. 600 A 192.0.2.25"],
    ),
    # negative answers (RFC 2308): one SOA, TTL = min(SOA TTL, MINIMUM)
    ("no.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    ("a.b.no.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    ("www.example.net.", MX, 0, True, [], [NEGATIVE], []),
    ("below.www.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    # empty non-terminals (RFC 8020, 4592 2.2.2)
    ("ent.example.net.", TXT, 0, True, [], [NEGATIVE], []),
    ("b.ent.example.net.", A, 0, True, [], [NEGATIVE], []),
    ("c.ent.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    ("_tcp.example.net.", A, 0, True, [], [NEGATIVE], []),
    # wildcards (RFC 4592)
    ("x.wild.example.net.", TXT, 0, True, ['x.wild.example.net. 300 TXT "wild"'], [], []),
    ("x.y.z.wild.example.net.", A, 0, True, ["x.y.z.wild.example.net. 300 A 192.0.2.99"], [], []),
    ("x.wild.example.net.", MX, 0, True, [], [NEGATIVE], []),
    ("*.wild.example.net.", TXT, 0, True, ['*.wild.example.net. 300 TXT "wild"'], [], []),
    ("wild.example.net.", TXT, 0, True, [], [NEGATIVE], []),
    ("here.wild.example.net.", A, 0, True, [], [NEGATIVE], []),
    ("x.here.wild.example.net.", A, NXDOMAIN, True, [], [NEGATIVE], []),
    (
        "q.wcname.example.net.",
        AAAA,
        0,
        True,
        ["q.wcname.example.net. 300 CNAME www.example.net.", "www.example.net. 300 AAAA 2001:db8::80"],
        [],
        [],
    ),
    # CNAME (RFC 1034 4.3.2, 6604, 2308)
    (
        "alias2.example.net.",
        AAAA,
        0,
        True,
        [
            "alias2.example.net. 300 CNAME alias.example.net.",
            "alias.example.net. 300 CNAME www.example.net.",
            "www.example.net. 300 AAAA 2001:db8::80",
        ],
        [],
        [],
    ),
    ("alias.example.net.", CNAME, 0, True, ["alias.example.net. 300 CNAME www.example.net."], [], []),
    ("alias.example.net.", ANY, 0, True, ["alias.example.net. 300 CNAME www.example.net."], [], []),
    ("alias.example.net.", MX, 0, True, ["alias.example.net. 300 CNAME www.example.net."], [NEGATIVE], []),
    ("outside.example.net.", A, 0, True, ["outside.example.net. 300 CNAME www.example.org."], [], []),
    (
        "dangling.example.net.",
        A,
        NXDOMAIN,
        True,
        ["dangling.example.net. 300 CNAME nowhere.example.net."],
        [NEGATIVE],
        [],
    ),
    (
        "loop1.example.net.",
        A,
        0,
        True,
        [
            "loop1.example.net. 300 CNAME loop2.example.net.",
            "loop2.example.net. 300 CNAME loop1.example.net.",
        ],
        [],
        [],
    ),
    ("intocut.example.net.", A, 0, True, ["intocut.example.net. 300 CNAME host.sub.example.net."], [], []),
    # RFC 7871 7.2.1: only the first CNAME when the address below it is steered
    ("togw.example.net.", A, 0, True, ["togw.example.net. 300 CNAME gw.example.net."], [], []),
    # ANY (RFC 8482 4.2)
    ("www.example.net.", ANY, 0, True, ["www.example.net. 3600 HINFO \\# 9 075246433834383200"], [], []),
    ("gw.example.net.", ANY, 0, True, ["gw.example.net. 3600 HINFO \\# 9 075246433834383200"], [], []),
    ("ent.example.net.", ANY, 0, True, [], [NEGATIVE], []),
    # types nobody has (RFC 3597, 8906 8.1.2)
    *[
        ("www.example.net.", rtype, 0, True, [], [NEGATIVE], [])
        for rtype in (0, 3, 4, 10, 38, 46, 47, 99, 108, 256, 666, 1000, 32768, 65280, 65535)
    ],
    # the steered name's other types are static
    ("gw.example.net.", TXT, 0, True, ['gw.example.net. 300 TXT "steered addresses, static text"'], [], []),
    ("gw.example.net.", MX, 0, True, [], [NEGATIVE], []),
    ("gw.example.net.", HTTPS, 0, True, [], [NEGATIVE], []),
    ("v4.gw2.example.net.", A, 0, True, ["v4.gw2.example.net. 30 A 192.0.2.201"], [], []),
    ("v4.gw2.example.net.", AAAA, 0, True, [], [NEGATIVE], []),
    # the parent's side of a cut (RFC 4035 3.1.4.1)
    ("sub.example.net.", DS, 0, True, [], [NEGATIVE], []),
    ("example.net.", DS, 0, True, [], [NEGATIVE], []),
]
REFERRAL = ["sub.example.net. 300 NS ns.sub.example.net.", "sub.example.net. 300 NS ns1.example.net."]
GLUE = ["ns.sub.example.net. 300 A 192.0.2.53", "ns1.example.net. 300 A 192.0.2.1"]
GLUE += ["ns1.example.net. 300 AAAA 2001:db8::1"]
TABLE += [
    (name, rtype, 0, False, [], REFERRAL, GLUE)
    for name, rtype in [
        ("sub.example.net.", NS),
        ("sub.example.net.", A),
        ("host.sub.example.net.", A),
        ("a.b.c.sub.example.net.", TXT),
        ("ns.sub.example.net.", A),  # glue is not authoritative data
        ("x.sub.example.net.", DS),
    ]
]


@pytest.mark.parametrize(("name", "rtype", "rcode", "aa", "answer", "authority", "additional"), TABLE)
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_what_the_zone_says(
    server: Answerer,
    name: str,
    rtype: int,
    rcode: int,
    aa: bool,
    answer: list[str],
    authority: list[str],
    additional: list[str],
    tcp: bool,
) -> None:
    """Each row of the table, over UDP and TCP, with OPT and Client Subnet: scope 0 for static answers."""
    told = tell(server, Ask(name, rtype, options=(ecs("10.1.2.0/24"),)), tcp=tcp)
    assert (told.rcode, told.aa, told.tc) == (rcode, aa, False)
    assert told.lines("rr") == answer
    assert told.lines("auth") == authority
    assert told.lines("ar") == additional
    assert told.subnet == (1, 24, 0, b"\x0a\x01\x02")
    plain = tell(server, Ask(name, rtype, edns=False), tcp=True)
    assert plain.opt_record is None
    assert (plain.lines("rr"), plain.lines("auth"), plain.lines("ar")) == (answer, authority, additional)


# ---- header and malformed (dns.md 1)


@pytest.mark.parametrize("flags", [0x0000, 0x0100, 0x0040, 0x0020, 0x0010, 0x0600, 0x0780, 0x07B0])
def test_header_bits(server: Answerer, flags: int) -> None:
    """RD is copied; RA, AD, Z, TC of a query are not; no OPT unasked; the question comes back."""
    ask = Ask(flags=flags, edns=False)
    told = tell(server, ask)
    assert told.flags == 0x8400 | flags & 0x0100
    assert told.wire[12 : 12 + len(ask.question)] == ask.question
    assert told.opt_record is None


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 15])
def test_other_opcodes(server: Answerer, opcode: int) -> None:
    """NOTIMP with opcode and RD echoed, with a body or a bare header, and OPT when there was one."""
    told = tell(server, Ask(flags=opcode << 11 | 0x0100))
    assert (told.flags, told.lines("rr")) == (0x8000 | opcode << 11 | 0x0100 | NOTIMP, [])
    assert told.opt_record is not None
    header = struct.pack(">6H", 7, opcode << 11, 0, 0, 0, 0)
    assert server.answer(header, "192.0.2.1") == struct.pack(">6H", 7, 0x8004 | opcode << 11, 0, 0, 0, 0)
    odd = Ask(flags=opcode << 11, edns=False, counts=(1, 1, 2, 3), extra=b"rubbish")
    assert Told(server.answer(odd.packet(), "192.0.2.1") or b"").rcode == NOTIMP


@pytest.mark.parametrize("flags", [0x8000, 0x8400, 0x8180, 0xFFFF])
def test_replies_are_dropped(server: Answerer, flags: int) -> None:
    """Nothing is ever said to a QR=1 message."""
    assert server.answer(Ask(flags=flags).packet(), "192.0.2.1") is None


@pytest.mark.parametrize("length", [0, 1, 11])
def test_short_packets_are_dropped(server: Answerer, length: int) -> None:
    """Less than a header gets no reply."""
    assert server.answer(Ask().packet()[:length], "192.0.2.1") is None


def _cut(bytes_off: int) -> bytes:
    return Ask(edns=False).packet()[:-bytes_off]


MALFORMED = {
    "qdcount-0": Ask(edns=False, counts=(0, 0, 0, 0), raw_name=b"").packet()[:12],
    "qdcount-2": Ask(edns=False, counts=(2, 0, 0, 0), extra=Ask().question).packet(),
    "qdcount-lie": Ask(edns=False, counts=(2, 0, 0, 0)).packet(),
    "question-missing": _cut(len(Ask().question)),
    "question-cut": _cut(3),
    "type-missing": _cut(4),
    "answer-in-query": Ask(edns=False, counts=(1, 1, 0, 0), extra=b"\xc0\x0c" + bytes(10)).packet(),
    "authority-in-query": Ask(edns=False, counts=(1, 0, 1, 0), extra=b"\0" + bytes(10)).packet(),
    "opt-in-answer": Ask(edns=False, counts=(1, 1, 0, 0), extra=opt()).packet(),
    "trailing-bytes": Ask(edns=False, extra=b"attic").packet(),
    "trailing-after-opt": Ask(extra=b"attic").packet(),
    "arcount-lie": Ask(edns=False, counts=(1, 0, 0, 1)).packet(),
    "arcount-huge": Ask(edns=False, counts=(1, 0, 0, 65535), extra=opt()).packet(),
    "qname-pointer-self": Ask(edns=False, raw_name=b"\xc0\x0c").packet(),
    "qname-pointer-forward": Ask(edns=False, raw_name=b"\xc0\x20").packet(),
    "qname-pointer-tail": Ask(edns=False, raw_name=b"\x03www\xc0\x0c").packet(),
    "label-type-40": Ask(edns=False, raw_name=b"\x41\x01\x00").packet(),
    "label-type-80": Ask(edns=False, raw_name=b"\x81\x01\x00").packet(),
    "qname-257": Ask(edns=False, raw_name=b"\x3f" + b"a" * 63 + (b"\x3f" + b"b" * 63) * 3 + b"\0").packet(),
    "type-opt": Ask(qtype=41).packet(),
    "type-tsig": Ask(qtype=250).packet(),
    "type-nxname": Ask(qtype=128).packet(),
    "two-opt": Ask(counts=(1, 0, 0, 2), extra=opt()).packet(),
    "opt-owner": Ask(edns=False, counts=(1, 0, 0, 1), extra=opt(owner=b"\x01a\0")).packet(),
    "opt-rdlen-overrun": Ask(edns=False, counts=(1, 0, 0, 1), extra=opt(length=50)).packet(),
    "option-overrun": Ask(edns=False, counts=(1, 0, 0, 1), extra=opt(b"\xfd\xe9\0\x09abc")).packet(),
    "option-cut": Ask(edns=False, counts=(1, 0, 0, 1), extra=opt(b"\xfd\xe9\0")).packet(),
    "options-65": Ask(options=((65001, b""),) * 65).packet(),
    "opt-cut": Ask().packet()[:-1],
}


@pytest.mark.parametrize("packet", MALFORMED.values(), ids=MALFORMED)
def test_malformed_is_formerr(server: Answerer, packet: bytes) -> None:
    """FORMERR without records, nothing of the rubbish echoed, no AA; id and RD as sent."""
    reply = server.answer(packet, "192.0.2.1") or b""
    told = Told(reply)
    assert (told.rcode, told.aa, told.tc) == (FORMERR, False, False)
    assert told.lines("rr") == told.lines("auth") == told.lines("ar") == []
    assert reply[:2] == packet[:2]
    assert told.flags & 0x0100
    assert b"attic" not in reply


@pytest.mark.parametrize(
    ("ask", "rcode"),
    [
        (Ask("example.org.", A), REFUSED),
        (Ask("net.", NS), REFUSED),
        (Ask(".", NS), REFUSED),
        (Ask("xexample.net.", A), REFUSED),
        (Ask("version.bind.", TXT, qclass=3), REFUSED),
        (Ask("id.server.", TXT, qclass=3), REFUSED),
        (Ask("example.net.", SOA, qclass=2), REFUSED),
        (Ask("example.net.", SOA, qclass=4), REFUSED),
        (Ask("example.net.", SOA, qclass=254), REFUSED),
        (Ask("example.net.", SOA, qclass=255), REFUSED),
        (Ask("example.net.", SOA, qclass=65280), REFUSED),
        (Ask("example.net.", 252), REFUSED),  # AXFR
        (Ask("example.net.", 251, counts=(1, 0, 1, 0), edns=False, extra=b"\0" + bytes(10)), REFUSED),  # IXFR
        (Ask("example.net.", 249), NOTIMP),
        (Ask("example.net.", 253), NOTIMP),
        (Ask("example.net.", 254), NOTIMP),
    ],
)
@pytest.mark.parametrize("tcp", [False, True])
def test_what_is_not_ours(server: Answerer, ask: Ask, rcode: int, tcp: bool) -> None:
    """No upward referral, no version, no transfer: an rcode, AA=0, no records, OPT when asked with OPT."""
    told = tell(server, ask, tcp=tcp)
    assert (told.rcode, told.aa) == (rcode, False)
    assert told.lines("rr") == told.lines("auth") == told.lines("ar") == []
    assert (told.opt_record is not None) == ask.edns
    assert told.wire[12 : 12 + len(ask.question)] == ask.question
    if rcode == REFUSED and ask.edns:
        assert told.options == {15: b"\0\x14"}  # EDE 20 Not Authoritative


def test_longest_and_binary_names(server: Answerer) -> None:
    """A 255-byte name and labels of any bytes are names like others: NXDOMAIN, echoed."""
    apex = encode("example.net.")
    long = (b"\x3f" + b"a" * 63) * 3 + b"\x31" + b"b" * 49 + apex
    assert len(long) == 255
    for name in (long, b"\x04\x00.\xff@" + apex, b"\x01\x00" + apex, b"\x03A\x00c" + apex):
        wire = server.answer(Ask(qtype=A, raw_name=name).packet(), "192.0.2.1") or b""
        assert wire[2:12] == struct.pack(">5H", 0x8500 | NXDOMAIN, 1, 0, 1, 1)
        assert wire[12 : 12 + len(name)] == name


def test_tsig_with_an_unknown_key(server: Answerer) -> None:
    """NOTAUTH with a BADKEY record as RFC 8945 5.2.1 wants it; a cut one gets no record."""
    rdata = b"\x0bhmac-sha256\0" + bytes(6) + b"\x01\x2c" + b"\0\x04abcd" + b"\x12\x34\0\0\0\0"
    tsig = b"\x03key\0" + struct.pack(">HHIH", 250, 255, 0, len(rdata)) + rdata
    reply = server.answer(Ask(counts=(1, 0, 0, 2), extra=tsig).packet(), "192.0.2.1") or b""
    assert Told(reply).flags & 0xF == NOTAUTH
    assert reply.endswith(b"\0\0\x12\x34\0\x11\0\0")
    cut = b"\x03key\0" + struct.pack(">HHIH", 250, 255, 0, 5) + b"\x0bhmac"
    told = Told(server.answer(Ask(counts=(1, 0, 0, 2), extra=cut).packet(), "192.0.2.1") or b"")
    assert (told.rcode, len(told.record.ar)) == (NOTAUTH, 1)
    first = Ask(edns=False, counts=(1, 0, 0, 2), extra=tsig + opt()).packet()
    assert Told(server.answer(first, "192.0.2.1") or b"").rcode == FORMERR


# ---- EDNS (dns.md 2)


@pytest.mark.parametrize("version", [1, 255])
@pytest.mark.parametrize("options", [(), ((65001, b"x"),), ((8, b"bad"),)])
def test_other_edns_versions(server: Answerer, version: int, options: tuple[tuple[int, bytes], ...]) -> None:
    """BADVERS in an OPT of version 0, no answer, AA=0, no option echoed."""
    told = tell(server, Ask(ttl=version << 16 | 0x8000, options=options))
    assert (told.rcode, told.aa, told.lines("rr")) == (BADVERS, False, [])
    assert told.opt_record is not None
    assert (told.opt_record.ttl >> 16 & 0xFF, told.options) == (0, {})


@pytest.mark.parametrize("code", [0, 3, 5, 6, 7, 9, 10, 11, 12, 14, 16, 17, 18, 19, 100, 65001, 65535])
def test_unknown_options_are_ignored(server: Answerer, code: int) -> None:
    """A normal answer, nothing echoed, whatever stands in the option."""
    told = tell(server, Ask(options=((code, b"12345678"),)))
    assert (told.rcode, len(told.lines("rr")), told.options) == (NOERROR, 1, {})


def test_forty_options(server: Answerer) -> None:
    """Many options are only many; a Client Subnet among them counts."""
    many = tuple((65001, b"x") for _ in range(39))
    told = tell(server, Ask(options=(*many, ecs("10.1.2.0/24"))))
    assert (told.rcode, set(told.options)) == (NOERROR, {8})


def test_do_is_copied_and_z_is_not(server: Answerer) -> None:
    """DO comes back, other flags and an extended rcode in a query are ignored; 1232 is advertised."""
    told = tell(server, Ask(ttl=0xFF00FFFF))
    assert told.opt_record is not None
    assert (told.rcode, told.opt_record.ttl, told.opt_record.rclass) == (NOERROR, 0x8000, 1232)
    plain = tell(server, Ask(ttl=0x7FFF))
    assert plain.opt_record is not None
    assert plain.opt_record.ttl == 0


@pytest.mark.parametrize("name", ["mid", "big", "huge", "www"])
@pytest.mark.parametrize("payload", [None, 0, 100, 511, 512, 1232, 4096, 65535])
def test_sizes(server: Answerer, name: str, payload: int | None) -> None:
    """Never above the offer nor 1232 over UDP; TC with OPT and no half RRset when cut; whole over TCP."""
    ask = Ask(f"{name}.example.net.", TXT, edns=payload is not None, payload=payload or 0)
    told, whole = tell(server, ask), tell(server, ask, tcp=True)
    room = min(max(payload or 512, 512), 1232)
    assert not whole.tc
    assert told.tc == (len(whole.wire) > room)
    assert len(told.wire) <= room
    assert (told.opt_record is not None) == (payload is not None)
    assert told.lines("rr") == ([] if told.tc else whole.lines("rr"))


# ---- Client Subnet (dns.md 3)


@pytest.mark.parametrize(
    ("prefix", "address", "scope"),
    [
        ("10.1.2.0/24", "127.20.0.1", 9),
        ("10.1.0.0/16", "127.20.0.1", 9),
        ("10.0.0.0/8", "127.20.0.1", 9),
        ("10.1.2.3/32", "127.20.0.1", 9),
        ("10.1.2.128/25", "127.20.0.1", 9),
        ("10.128.0.0/24", "127.20.0.3", 9),
        ("133.11.0.0/24", "127.20.0.2", 22),
        ("133.11.7.0/24", "127.20.0.1", 24),
        ("133.11.7.9/32", "127.20.0.1", 24),
        ("133.11.8.0/24", "127.20.0.2", 21),
        ("133.11.0.0/16", "127.20.0.2", 22),
        ("133.8.0.0/14", "127.20.0.3", 15),
        ("1.0.0.0/24", "127.20.0.3", 5),
        ("255.255.255.255/32", "127.20.0.3", 2),
        ("2001:db8::/32", None, 48),  # tyo has no IPv6 but answers A
        ("2001:db8:1::/48", "127.20.0.3", 48),
        ("2001:db8:1:ff00::/56", "127.20.0.3", 48),
        ("2001:db8:2::1/128", "127.20.0.3", 47),
        ("8000::/1", "127.20.0.3", 1),
    ],
)
def test_steered_by_client_subnet(server: Answerer, prefix: str, address: str | None, scope: int) -> None:
    """The POP of the client's run, TTL of the service, the option echoed with the run's own scope."""
    for tcp in (False, True):
        told = tell(server, Ask("gw.example.net.", A, options=(ecs(prefix),)), tcp=tcp)
        assert told.lines("rr") == [f"gw.example.net. 20 A {address or '127.20.0.2'}"]
        assert told.subnet is not None
        assert told.subnet[2] == scope
        sent = ecs(prefix)[1]
        assert told.options[8] == sent[:3] + bytes([scope]) + sent[4:]


def test_a_pop_without_ipv6_is_nodata_with_the_scope_of_the_run(server: Answerer) -> None:
    """Another client gets an AAAA, so this NODATA holds only inside its own scope."""
    told = tell(server, Ask("gw.example.net.", AAAA, options=(ecs("133.11.0.0/24"),)))
    assert (told.rcode, told.lines("rr"), told.lines("auth")) == (NOERROR, [], [NEGATIVE])
    assert told.subnet == (1, 24, 22, b"\x85\x0b\x00")
    there = tell(server, Ask("gw.example.net.", AAAA, options=(ecs("10.1.2.0/24"),)))
    assert there.lines("rr") == ["gw.example.net. 20 AAAA 2001:db8:20::1"]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.1.2.3", "127.20.0.1"),
        ("133.11.0.9", "127.20.0.2"),
        ("::ffff:133.11.0.9", "127.20.0.2"),
        ("2001:db8::9", "127.20.0.2"),
        ("fe80::1%lo", "127.20.0.3"),
        ("203.0.113.1", "127.20.0.3"),
    ],
)
@pytest.mark.parametrize("prefix", [None, "0.0.0.0/0", "::/0"])
def test_by_resolver_address(server: Answerer, peer: str, address: str, prefix: str | None) -> None:
    """Without a subnet, or with source 0, the resolver's own address decides; scope 0."""
    ask = Ask("gw.example.net.", A, options=(ecs(prefix),) if prefix else ())
    told = tell(server, ask, peer=peer)
    assert told.lines("rr") == [f"gw.example.net. 20 A {address}"]
    assert told.subnet == ((ecs(prefix)[1][1], 0, 0, b"") if prefix else None)
    plain = tell(server, Ask("gw.example.net.", A, edns=False), peer=peer)
    assert plain.lines("rr") == told.lines("rr")


BAD_SUBNETS = {
    "family-0": (0, 24, 0, b"\x01\x02\x03"),
    "family-3": (3, 24, 0, b"\x01\x02\x03"),
    "family-65535": (65535, 24, 0, b"\x01\x02\x03"),
    "family-0-source-0": (0, 0, 0, b""),
    "too-few-octets": (1, 24, 0, b"\x01\x02"),
    "too-many-octets": (1, 24, 0, b"\x01\x02\x03\x00"),
    "source-0-with-octets": (1, 0, 0, b"\x00"),
    "host-bits": (1, 20, 0, b"\x01\x02\x03"),
    "v4-33": (1, 33, 0, b"\x01\x02\x03\x04\x00"),
    "v6-129": (2, 129, 0, bytes(17)),
    "scope": (1, 24, 24, b"\x01\x02\x03"),
}


@pytest.mark.parametrize("fields", BAD_SUBNETS.values(), ids=BAD_SUBNETS)
@pytest.mark.parametrize("name", ["gw.example.net.", "www.example.net."])
def test_malformed_subnets(server: Answerer, fields: tuple[int, int, int, bytes], name: str) -> None:
    """FORMERR with OPT and without the option (RFC 7871 6, 7.2.1), also after good ones of the same shape."""
    tell(server, Ask(name, A, options=(ecs("1.2.3.0/24"),)))
    tell(server, Ask(name, A, options=(ecs("1.2.0.0/20"),)))
    family, source, scope, address = fields
    data = struct.pack(">HBB", family, source, scope) + address
    told = tell(server, Ask(name, A, options=((8, data),)))
    assert (told.rcode, told.lines("rr"), told.options) == (FORMERR, [], {})
    assert told.opt_record is not None


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\x01\x18", bytes(200)])
def test_subnets_of_wrong_length(server: Answerer, data: bytes) -> None:
    """An option of 0, 1, 3 or 200 bytes is FORMERR."""
    assert tell(server, Ask("gw.example.net.", A, options=((8, data),))).rcode == FORMERR


def test_two_subnets(server: Answerer) -> None:
    """Two Client Subnet options are FORMERR."""
    both = (ecs("10.1.2.0/24"), ecs("10.1.3.0/24"))
    assert tell(server, Ask("gw.example.net.", A, options=both)).rcode == FORMERR


def test_spelling_does_not_matter_and_comes_back(server: Answerer) -> None:
    """0x20: the question is echoed in the client's case, the answer is the same."""
    for name in ("GW.eXample.NET.", "WwW.eXample.NET.", "X.wILD.example.net.", "nO.EXAMPLE.net."):
        lower = tell(server, Ask(name.lower(), A, options=(ecs("10.1.2.0/24"),)))
        ask = Ask(name, A, options=(ecs("10.1.2.0/24"),))
        mixed = tell(server, ask)
        assert mixed.wire[12 : 12 + len(ask.question)] == ask.question
        assert mixed.wire[:12] + mixed.wire[12:].lower() == lower.wire[:12] + lower.wire[12:].lower()


def test_a_type_that_looks_like_another_in_lower_case(server: Answerer) -> None:
    """Type 97 is not HTTPS (65): lower-casing stops at the name."""
    assert len(tell(server, Ask("web.example.net.", HTTPS)).lines("rr")) == 1
    assert tell(server, Ask("web.example.net.", 97)).lines("rr") == []


def test_compression(server: Answerer) -> None:
    """Owners and NS targets are compressed, the targets of SRV and HTTPS are not (RFC 2782, 9460)."""
    ns = tell(server, Ask("example.net.", NS))
    assert ns.wire.count(b"\x07example\x03net") == 1
    srv = tell(server, Ask("_sip._tcp.example.net.", SRV))
    assert srv.wire.count(b"\x04mail\x07example\x03net\x00") == 1
    assert srv.wire.index(b"\xc0\x0c") == 12 + len(encode("_sip._tcp.example.net.")) + 4


# ---- health and maps


def test_health_changes_answers(tmp_path: Path) -> None:
    """A POP that goes down leaves the answers at the next look, the scope stays; all down fails open."""
    writer = HealthWriter(tmp_path / "health")
    server = Answerer(build(demo_map()), HealthReader(tmp_path / "health"))
    ask = Ask("gw.example.net.", A, options=(ecs("133.11.0.0/24"),))

    def now(**states: State) -> tuple[list[str], tuple[int, int, int, bytes] | None]:
        writer.set(states)
        server.check_health()
        told = tell(server, ask)
        return [line.rpartition(" ")[2] for line in told.lines("rr")], told.subnet

    subnet = (1, 24, 22, b"\x85\x0b\x00")
    assert now(tyo=State.UP) == (["127.20.0.2"], subnet)
    assert now(tyo=State.DOWN) == (["127.20.0.1"], subnet)
    assert now(tyo=State.DRAINED, ams=State.DOWN) == (["127.20.0.3"], subnet)
    assert not server.book.fail_open
    assert now(tyo=State.DOWN, ams=State.DOWN, nyc=State.DOWN) == (["127.20.0.2"], subnet)
    assert server.book.fail_open


def test_without_a_map_everything_is_refused() -> None:
    """A node that has no map yet answers, and claims nothing."""
    assert tell(Answerer(), Ask()).rcode == REFUSED


def test_swapping_books_keeps_the_totals() -> None:
    """Counts are kept per POP id when the POPs change places."""
    server = demo_answerer()
    tell(server, Ask("gw.example.net.", A, options=(ecs("10.1.2.0/24"),)))
    server.use(build(random_map(1)))
    assert server.counters.by_pop()["ams"] == 2
    tell(server, Ask("gw.example.net.", A, options=(ecs("10.1.2.0/24"),)))
    assert sum(server.counters.by_pop().values()) == 4


@pytest.mark.parametrize("seed", range(2))
def test_one_scope_one_answer_with_each_pop_masked(seed: int) -> None:
    """With each POP masked in turn, no two addresses of one scope get different answers (wire to wire)."""
    book = build(random_map(seed, runs=60))
    server = Answerer(book)
    rng = np.random.default_rng(seed)
    assert book.routemap is not None
    one = book.routemap.classes[0]

    def asked(bits: int, unit: int) -> tuple[bytes, int]:
        octets = bits // 8
        data = struct.pack(">HBB", 1 if bits == 24 else 2, bits, 0) + unit.to_bytes(octets, "big")
        wire = server.answer(Ask("gw.example.net.", A, options=((8, data),)).packet(), "192.0.2.1")
        assert wire is not None
        return wire[: -(4 + 4 + octets + 11)], wire[-octets - 1]

    for masked in range(-1, 6):
        book.apply({f"pop-{masked}": State.DOWN})
        for table in (one.v4, one.v6):
            for unit in rng.choice(table.start, 25).tolist():
                answer, scope = asked(table.bits, unit)
                size = 1 << (table.bits - scope)
                first = unit // size * size
                for other in (first, first + size - 1, int(rng.integers(first, first + size))):
                    assert asked(table.bits, other) == (answer, scope)


def test_units() -> None:
    """Addresses fall into their /24 and /48."""
    assert unit_of("133.11.7.9") == (4, 0x850B07)
    assert unit_of("2001:db8:1:2::3") == (6, 0x20010DB80001)


def test_counters(server: Answerer) -> None:
    """Every packet is counted once, under what it got."""
    tell(server, Ask("gw.example.net.", A, options=(ecs("10.1.2.0/24"),)))
    tell(server, Ask("www.example.net.", A))
    tell(server, Ask("no.example.net.", A))
    tell(server, Ask("example.org.", A))
    server.answer(b"", "192.0.2.1")
    found = server.counters.snapshot()
    assert found["rcodes"]["NOERROR"] == 4
    assert (found["rcodes"]["NXDOMAIN"], found["rcodes"]["REFUSED"]) == (2, 2)
    assert (found["queries"], found["dropped"], found["ecs"]) == (9, 1, 2)
    assert found["pops"]["ams"] == 2


# ---- garbage


def test_mutated_packets() -> None:
    """Thousands of damaged packets: no exception, no answer to QR=1, the id echoed, sizes kept."""
    server = demo_answerer()
    rng = np.random.default_rng(20240601)
    seeds = [
        Ask("gw.example.net.", A, options=(ecs("10.1.2.0/24"),)).packet(),
        Ask("gw.example.net.", AAAA, options=(ecs("2001:db8::/56"),)).packet(),
        Ask("alias2.example.net.", A).packet(),
        Ask("x.sub.example.net.", A, edns=False).packet(),
        Ask("huge.example.net.", TXT, payload=65535).packet(),
        *MALFORMED.values(),
    ]
    for _ in range(6000):
        packet = bytearray(seeds[int(rng.integers(len(seeds)))])
        for _ in range(int(rng.integers(1, 6))):
            kind, place = int(rng.integers(4)), int(rng.integers(len(packet) + 1))
            if kind == 0 and place < len(packet):
                packet[place] = int(rng.integers(256))
            elif kind == 1:
                del packet[place : place + int(rng.integers(1, 8))]
            elif kind == 2:
                packet[place:place] = rng.bytes(int(rng.integers(1, 8)))
            elif place < len(packet):
                packet[place] ^= 1 << int(rng.integers(8))
        tcp = bool(rng.integers(2))
        reply = server.answer(bytes(packet), "192.0.2.1", tcp)
        if reply is None:
            assert len(packet) < 12 or packet[2] & 0x80
            continue
        assert len(packet) >= 12
        assert not packet[2] & 0x80
        assert reply[:2] == packet[:2]
        assert reply[2] & 0x80
        assert len(reply) <= (65535 if tcp else 1232)
    assert server.counters.failures == 0


def test_a_bug_of_ours_is_servfail(server: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception on the way is counted and answered SERVFAIL, not raised."""

    def broken(*_: object) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr("itm.dns.answer.lookup", broken)
    told = tell(server, Ask("no.example.net.", A))
    assert (told.rcode, server.counters.failures) == (SERVFAIL, 2)
