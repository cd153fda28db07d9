from __future__ import annotations

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from itm.dns.dnssec import (
    ALGORITHMS,
    ECDSA_P256,
    PublicKey,
    SigningKey,
    digest,
    expiration_of,
    generate,
    label_count,
    public_of,
    tag_of,
)
from itm.dns.name import encode
from itm.dns.rdata import DNSKEY, MX, SOA, SRV, Rdata, RRset
from itm.dns.rdatatext import parse, type_number

ORIGIN = encode("example.net.")
NOW = 1_700_000_000


def key(algorithm: int = ECDSA_P256, *, is_entry_point: bool = True) -> SigningKey:
    private = generate(algorithm)
    return SigningKey(ORIGIN, public_of(private, is_entry_point=is_entry_point), private)


def library(owner: bytes, rtype: int, ttl: int, *datas: Rdata) -> dns.rrset.RRset:
    """An RRset as dnspython has it."""
    made = [dns.rdata.from_wire(dns.rdataclass.IN, rtype, d.wire, 0, len(d.wire)) for d in datas]
    return dns.rrset.from_rdata_list(dns.name.from_wire(owner, 0)[0], ttl, made)


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=list(ALGORITHMS))
@pytest.mark.parametrize(
    ("owner", "rtype", "texts"),
    [
        ("WWW.example.net.", "A", ["192.0.2.2", "192.0.2.1"]),
        ("example.net.", "SOA", ["NS1 Admin 1 2 3 4 5"]),
        ("example.net.", "MX", ["20 B", "10 a.Example.ORG."]),
        ("_s._tcp.example.net.", "SRV", ["1 2 3 Host"]),
        ("*.w.example.net.", "TXT", ['"b" "a"', '"B"']),
        ("example.net.", "HTTPS", ["1 Gw.example.net. alpn=h2"]),
        ("x.example.net.", "DNAME", ["Y.example.ORG."]),
    ],
)
def test_signatures_hold(algorithm: int, owner: str, rtype: str, texts: list[str]) -> None:
    """An independent library validates what we sign, whatever the case of names and the order of records."""
    number = type_number(rtype)
    rrset = RRset(encode(owner), number, 300, tuple(parse(number, text.split(), ORIGIN) for text in texts))
    signing = key(algorithm)
    rrsig = signing.sign(rrset, NOW - 3600, NOW + 86_400)
    origin = dns.name.from_wire(ORIGIN, 0)[0]
    keys = {origin: library(ORIGIN, DNSKEY, 300, signing.public.rdata).to_rdataset()}
    told = library(rrset.owner, rrset.rtype, 300, *rrset.rdatas)
    signatures = library(rrset.owner, dns.rdatatype.RRSIG, 300, rrsig)
    dns.dnssec.validate(told, signatures, dict(keys.items()), now=NOW)
    assert (expiration_of(rrsig), tag_of(rrsig)) == (NOW + 86_400, signing.public.tag)


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=list(ALGORITHMS))
def test_tag_and_ds(algorithm: int) -> None:
    """Key tag and DS are those that dnspython works out."""
    public = key(algorithm).public
    theirs = library(ORIGIN, DNSKEY, 1, public.rdata)[0]
    assert public.tag == dns.dnssec.key_id(theirs)
    assert public.ds(ORIGIN).wire == dns.dnssec.make_ds("EXAMPLE.net.", theirs, "SHA256").to_wire()
    assert (public.is_entry_point, PublicKey(256, algorithm, b"").is_entry_point) == (True, False)


def test_equal_content_has_one_digest() -> None:
    """Order, case of names and repeats do not matter; TTL, type, owner and data do."""
    a, b = (parse(MX, text.split(), ORIGIN) for text in ("1 a", "2 b"))
    upper = parse(MX, ["1", "A"], ORIGIN)
    same = {digest(RRset(ORIGIN, MX, 5, datas)) for datas in ((a, b), (b, a), (b, upper), (a, b, a))}
    assert len(same) == 1
    others = [
        RRset(ORIGIN, MX, 6, (a, b)),
        RRset(ORIGIN, MX, 5, (a,)),
        RRset(encode("x.example.net."), MX, 5, (a, b)),
    ]
    assert len({digest(other) for other in others} | same) == 4


def test_labels() -> None:
    """Neither the root nor a leading asterisk counts (RFC 4034 3.1.3)."""
    assert [label_count(encode(name)) for name in (".", "example.net.", "*.w.example.net.", "a.*.net.")] == [
        0,
        2,
        3,
        3,
    ]


def test_names_that_are_lowered() -> None:
    """SOA and SRV are lower case in the canonical form; what is newer than RFC 4034 is not."""
    assert b"NS1" not in parse(SOA, ["NS1", "a", "1", "2", "3", "4", "5"], ORIGIN).canonical(SOA)
    assert b"HOST" not in parse(SRV, ["1", "2", "3", "HOST"], ORIGIN).canonical(SRV)
    https = type_number("HTTPS")
    assert b"HOST" in parse(https, ["1", "HOST"], ORIGIN).canonical(https)
