"""Header, malformed packets and EDNS: what is answered to queries that are odd or wrong."""

from __future__ import annotations

import struct

import pytest

from itm.dns.answer import Answerer
from itm.dns.name import encode
from tests.itm.dns.asking import Ask, Told, demo_answerer, ecs, opt, tell
from tests.itm.dns.malformed import MALFORMED

A, NS, SOA, TXT = 1, 2, 6, 16
NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS = 0, 1, 3, 4, 5, 9, 16

IXFR_SOA = b"\xc0\x0c" + struct.pack(">HHIH", 6, 1, 0, 22) + bytes(22)
"""What IXFR carries (RFC 1995 3): a SOA whose owner is a pointer, as every client writes it."""


@pytest.fixture
def server() -> Answerer:
    return demo_answerer()


@pytest.mark.parametrize("flags", [0x0000, 0x0100, 0x0040, 0x0020, 0x0010, 0x0600, 0x0780, 0x07B0])
def test_header_bits(server: Answerer, flags: int) -> None:
    """RD is copied; RA, AD, Z, TC of a query are not; no OPT unasked; the question comes back."""
    ask = Ask(flags=flags, edns=False)
    told = tell(server, ask)
    assert told.flags == 0x8400 | flags & 0x0100
    assert told.wire[12 : 12 + len(ask.question)] == ask.question
    assert told.opt_ttl is None


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 15])
def test_other_opcodes(server: Answerer, opcode: int) -> None:
    """NOTIMP with opcode and RD echoed, with a body or a bare header, and OPT when there was one."""
    told = tell(server, Ask(flags=opcode << 11 | 0x0100))
    assert (told.flags, told.lines("answer")) == (0x8000 | opcode << 11 | 0x0100 | NOTIMP, [])
    assert told.opt_ttl is not None
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


@pytest.mark.parametrize("packet", MALFORMED.values(), ids=MALFORMED)
def test_malformed_is_formerr(server: Answerer, packet: bytes) -> None:
    """FORMERR without records, nothing of the rubbish echoed, no AA; id and RD as sent."""
    reply = server.answer(packet, "192.0.2.1") or b""
    told = Told(reply)
    assert (told.rcode, told.aa, told.tc) == (FORMERR, False, False)
    assert told.lines("answer") == told.lines("authority") == told.lines("additional") == []
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
        (Ask("example.net.", 251, counts=(1, 0, 1, 0), edns=False, extra=IXFR_SOA), REFUSED),
        (Ask("example.net.", 251, counts=(1, 0, 1, 0), edns=False, extra=IXFR_SOA[:-1]), FORMERR),
        (Ask("example.net.", 251, counts=(1, 0, 1, 0), edns=False, extra=b"\0" + bytes(10)), FORMERR),
        (Ask("example.net.", 251, counts=(1, 0, 2, 0), edns=False, extra=2 * IXFR_SOA), FORMERR),
        (Ask("example.net.", 252, counts=(1, 0, 1, 0), edns=False, extra=IXFR_SOA), FORMERR),
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
    assert told.lines("answer") == told.lines("authority") == told.lines("additional") == []
    assert (told.opt_ttl is not None) == ask.edns
    assert told.wire[12 : 12 + len(ask.question)] == ask.question
    if rcode == REFUSED and ask.edns:
        assert told.options == {15: b"\0\x14"}  # EDE 20 Not Authoritative


@pytest.mark.parametrize("tcp", [False, True])
def test_nobody_asks_for_the_type_of_denials(server: Answerer, tcp: bool) -> None:
    """RFC 9824 3.2: NXNAME is refused as malformed, and told why."""
    told = tell(server, Ask("www.example.net.", 128), tcp=tcp)
    assert (told.rcode, told.options) == (FORMERR, {15: b"\0\x1e"})


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
    """NOTAUTH with a BADKEY record as RFC 8945 5.2.1 wants it; a cut one is a format error."""
    rdata = b"\x0bhmac-sha256\0" + bytes(6) + b"\x01\x2c" + b"\0\x04abcd" + b"\x12\x34\0\0\0\0"
    tsig = b"\x03key\0" + struct.pack(">HHIH", 250, 255, 0, len(rdata)) + rdata
    reply = server.answer(Ask(counts=(1, 0, 0, 2), extra=tsig).packet(), "192.0.2.1") or b""
    assert Told(reply).flags & 0xF == NOTAUTH
    assert reply.endswith(b"\0\0\x12\x34\0\x11\0\0")
    cut = b"\x03key\0" + struct.pack(">HHIH", 250, 255, 0, 5) + b"\x0bhmac"
    told = Told(server.answer(Ask(counts=(1, 0, 0, 2), extra=cut).packet(), "192.0.2.1") or b"")
    assert (told.rcode, told.message.had_tsig, told.lines("additional")) == (FORMERR, False, [])
    first = Ask(edns=False, counts=(1, 0, 0, 2), extra=tsig + opt()).packet()
    assert Told(server.answer(first, "192.0.2.1") or b"").rcode == FORMERR


@pytest.mark.parametrize("version", [1, 255])
@pytest.mark.parametrize("options", [(), ((65001, b"x"),), ((8, b"bad"),)])
def test_other_edns_versions(server: Answerer, version: int, options: tuple[tuple[int, bytes], ...]) -> None:
    """BADVERS in an OPT of version 0, no answer, AA=0, no option echoed."""
    told = tell(server, Ask(ttl=version << 16 | 0x8000, options=options))
    assert (told.rcode, told.aa, told.lines("answer")) == (BADVERS, False, [])
    assert told.opt_ttl is not None
    assert (told.opt_ttl >> 16 & 0xFF, told.options) == (0, {})


@pytest.mark.parametrize("code", [0, 3, 5, 6, 7, 9, 10, 11, 12, 14, 16, 17, 18, 19, 100, 65001, 65535])
def test_unknown_options_are_ignored(server: Answerer, code: int) -> None:
    """A normal answer, nothing echoed, whatever stands in the option."""
    told = tell(server, Ask(options=((code, b"12345678"),)))
    assert (told.rcode, len(told.lines("answer")), told.options) == (NOERROR, 1, {})


def test_forty_options(server: Answerer) -> None:
    """Many options are only many; a Client Subnet among them counts."""
    many = tuple((65001, b"x") for _ in range(39))
    told = tell(server, Ask(options=(*many, ecs("10.1.2.0/24"))))
    assert (told.rcode, set(told.options)) == (NOERROR, {8})


def test_do_is_copied_and_z_is_not(server: Answerer) -> None:
    """DO comes back, other flags and an extended rcode in a query are ignored; 1232 is advertised."""
    told = tell(server, Ask(ttl=0xFF00FFFF))
    assert told.opt_ttl is not None
    assert (told.rcode, told.opt_ttl, told.message.payload) == (NOERROR, 0x8000, 1232)
    plain = tell(server, Ask(ttl=0x7FFF))
    assert plain.opt_ttl is not None
    assert plain.opt_ttl == 0


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
    assert (told.opt_ttl is not None) == (payload is not None)
    assert told.lines("answer") == ([] if told.tc else whole.lines("answer"))
