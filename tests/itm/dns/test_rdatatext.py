from __future__ import annotations

import pytest

from itm.dns.name import encode
from itm.dns.rdata import Rdata, RRset, target
from itm.dns.rdatatext import parse, ttl_seconds, type_number

ORIGIN = encode("example.net.")


@pytest.mark.parametrize(
    ("rtype", "words", "wire"),
    [
        ("A", "192.0.2.1", b"\xc0\x00\x02\x01"),
        ("AAAA", "2001:db8::1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        ("NS", "ns1", b"\x03ns1" + ORIGIN),
        ("CNAME", "www.example.org.", encode("www.example.org.")),
        ("MX", "10 mail", b"\x00\x0a\x04mail" + ORIGIN),
        ("TXT", r"one tw\"o", b'\x03one\x04tw"o'),
        ("CAA", "128 issue ca.example.org", b"\x80\x05issueca.example.org"),
        ("SRV", "1 2 443 gw", b"\x00\x01\x00\x02\x01\xbb\x02gw" + ORIGIN),
        ("HTTPS", "0 gw", b"\x00\x00\x02gw" + ORIGIN),
        ("HTTPS", "1 . port=443 alpn=h2", b"\x00\x01\x00\x00\x01\x00\x03\x02h2\x00\x03\x00\x02\x01\xbb"),
        ("HTTPS", '1 . key65333="x y"', b"\x00\x01\x00\xff\x35\x00\x03x y"),
        (
            "SVCB",
            "1 gw mandatory=port port=53",
            b"\x00\x01\x02gw" + ORIGIN + bytes.fromhex("0000000200030003000200 35"),
        ),
        ("PTR", "host", b"\x04host" + ORIGIN),
        ("DNAME", "elsewhere.example.org.", encode("elsewhere.example.org.")),
        ("DS", "60485 13 2 " + "ab" * 32, bytes.fromhex("ec45 0d 02" + "ab" * 32)),
        (
            "NAPTR",
            '100 10 "S" "SIP+D2U" "" _sip._udp',
            b"\x00\x64\x00\x0a\x01S\x07SIP+D2U\x00\x04_sip\x04_udp" + ORIGIN,
        ),
        ("TYPE65280", r"\# 4 0A00 0001", b"\x0a\x00\x00\x01"),
        ("A", r"\# 4 0A000001", b"\x0a\x00\x00\x01"),
        ("MX", r"\# 8 000a 046d61696c 00", b"\x00\x0a\x04mail\x00"),
        (
            "SOA",
            "ns1 admin 5 1h 2 3 4",
            b"\x03ns1"
            + ORIGIN
            + b"\x05admin"
            + ORIGIN
            + bytes.fromhex("00000005 00000e10 00000002 00000003 00000004"),
        ),
    ],
)
def test_wire_form(rtype: str, words: str, wire: bytes) -> None:
    """Words of a zone file become the bytes of the RFC; SvcParams are sorted by key."""
    assert parse(type_number(rtype), words.split(), ORIGIN).wire == wire


@pytest.mark.parametrize(
    ("rtype", "words", "reason"),
    [
        ("A", "192.0.2.256", "192.0.2.256"),
        ("A", "192.0.2.1 192.0.2.2", "2 words"),
        ("AAAA", "192.0.2.1", "192.0.2.1"),
        ("NS", "", "0 words"),
        ("MX", "70000 mail", "preference"),
        ("MX", "mail", "preference exchange"),
        ("TXT", "", "one or more strings"),
        ("TXT", "x" * 256, "255 bytes"),
        ("CAA", "0 is-sue x", "tag"),
        ("CAA", "256 issue x", "flags"),
        ("SRV", "1 2 x gw", "port"),
        ("HTTPS", "1", "identifier"),
        ("HTTPS", "0 gw alpn=h2", "AliasMode"),
        ("HTTPS", "1 . port=1 port=2", "duplicate key"),
        ("HTTPS", "1 . nonsense=1", "Unknown SVCB"),
        ("SOA", "ns1 admin 5 1h 2 3", "minimum"),
        ("SOA", "ns1 admin 5 1x 2 3 4", "TTL"),
    ],
)
def test_reasons(rtype: str, words: str, reason: str) -> None:
    """What is wrong is named."""
    with pytest.raises(ValueError, match=reason):
        parse(type_number(rtype), words.split(), ORIGIN)


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("300", 300), ("1h30m", 5400), ("1W2d", 777_600)])
def test_ttl(text: str, seconds: int) -> None:
    """Seconds, or BIND's units."""
    assert ttl_seconds(text) == seconds


@pytest.mark.parametrize("text", ["8" * 60 + "x", "", "-1", "h", "2147483648", "1.5", "1y"])
def test_bad_ttl(text: str) -> None:
    """RFC 2181 8: 31 bits."""
    with pytest.raises(ValueError, match="TTL"):
        ttl_seconds(text)


def test_targets() -> None:
    """The host whose addresses go along: of NS, MX and SRV."""
    for rtype, words in (("NS", "h"), ("MX", "1 h"), ("SRV", "1 2 3 h")):
        data = parse(type_number(rtype), words.split(), ORIGIN)
        assert target(RRset(ORIGIN, type_number(rtype), 1, (data,)), data) == encode("h.example.net.")
    assert target(RRset(ORIGIN, 1, 1, ()), Rdata()) is None
