from __future__ import annotations

import dns.rdata
import dns.rdataclass
import dns.rdatatype

from itm.dns.name import decode, encode
from itm.dns.nsec import bitmap, chain, order
from itm.dns.rdata import MX, NS, NSEC, SOA, A

NAMES = ("example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.")
MORE = (r"\001.z.example.", "*.z.example.", r"\200.z.example.")


def test_canonical_order() -> None:
    """The list of RFC 4034 6.1, shuffled and sorted."""
    names = [encode(name.lower()) for name in NAMES + MORE]
    assert sorted(names, key=order) == names


def test_bitmap() -> None:
    """The example of RFC 4034 4.3, as dnspython reads it, and a type of a far window."""
    wire = b"\0" + bitmap({1, 15, 46, 47, 1234})
    told = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.NSEC, wire, 0, len(wire))
    assert str(told) == ". A MX RRSIG NSEC TYPE1234"
    assert bitmap({1, 15, 46, 47, 1234})[:8] == bytes.fromhex("0006400100000003")


def test_a_chain_goes_round() -> None:
    """Each record names the next, the last the first; what is not there is covered by the one before."""
    names = {encode("example."): {SOA, NS}, encode("b.example."): {A}, encode("d.c.example."): {MX}}
    made = chain(names, 60)
    assert [decode(name) for name in made.names] == ["example.", "b.example.", "d.c.example."]
    assert decode(made.following(encode("d.c.example."))) == "example."
    for name, covering in [
        ("a.example.", "example."),
        ("b.example.", "b.example."),
        ("x.b.example.", "b.example."),
        ("c.example.", "b.example."),  # an empty non-terminal
        ("zz.example.", "d.c.example."),
    ]:
        assert decode(made.covering(encode(name)).owner) == covering, name
    record = made.records[encode("b.example.")]
    assert (record.rtype, record.ttl) == (NSEC, 60)
    assert record.rdatas[0].wire == encode("d.c.example.") + bitmap({A, 46, 47})
