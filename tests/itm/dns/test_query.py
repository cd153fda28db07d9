"""Parsing alone; what is answered to each of these stands in `test_answer`."""

from __future__ import annotations

import pytest

from itm.dns.ecs import ClientSubnet
from itm.dns.name import encode
from itm.dns.query import BADVERS, FORMERR, NOERROR, NOTIMP, REFUSED, Edns, parse
from tests.itm.dns.asking import Ask, ecs, opt


def test_a_whole_query() -> None:
    """Every field of a well-formed query; the name in lower case, the question as sent."""
    ask = Ask("Gw.Example.net.", 28, options=(ecs("10.1.0.0/16"),), ttl=0x8000, payload=4096)
    query = parse(ask.packet())
    assert query is not None
    assert (query.id, query.opcode, query.recursion_desired, query.rcode) == (b"\x12\x34", 0, True, NOERROR)
    assert (query.name, query.qtype, query.qclass) == (encode("gw.example.net."), 28, 1)
    assert query.question == ask.question
    assert query.edns == Edns(4096, 0, True, ClientSubnet(1, 16, b"\x0a\x01"))
    assert query.subnet == ClientSubnet(1, 16, b"\x0a\x01")


@pytest.mark.parametrize(
    ("ask", "plain"),
    [
        (Ask(), True),
        (Ask(options=(ecs("10.1.0.0/16"),)), True),
        (Ask(options=(ecs("10.1.0.0/16"), (10, b"12345678"))), False),
        (Ask(options=((10, b"12345678"),)), False),
    ],
)
def test_plain(ask: Ask, plain: bool) -> None:
    """Plain is an OPT with nothing but at most one Client Subnet."""
    query = parse(ask.packet())
    assert query is not None
    assert query.edns is not None
    assert query.edns.plain == plain


@pytest.mark.parametrize(
    ("packet", "rcode", "has_question", "has_edns"),
    [
        (Ask(counts=(0, 0, 0, 0)).packet(), FORMERR, False, False),
        (Ask(edns=False, counts=(1, 1, 0, 0)).packet(), FORMERR, True, False),
        (Ask(extra=b"x").packet(), FORMERR, True, True),
        (Ask(counts=(1, 0, 0, 2), extra=opt()).packet(), FORMERR, True, True),
        (Ask(options=((8, b""),)).packet(), FORMERR, True, True),
        (Ask(ttl=1 << 16).packet(), BADVERS, True, True),
        (Ask(flags=0x2000).packet(), NOTIMP, True, True),
        (Ask(flags=0x2000, edns=False, counts=(5, 5, 5, 5)).packet(), NOTIMP, False, False),
        (Ask(qclass=3).packet(), REFUSED, True, True),
    ],
)
def test_errors_keep_what_can_be_echoed(
    packet: bytes, rcode: int, has_question: bool, has_edns: bool
) -> None:
    """The question and OPT are kept for the reply when they could be read."""
    query = parse(packet)
    assert query is not None
    assert (query.rcode, bool(query.question), query.edns is not None) == (rcode, has_question, has_edns)


@pytest.mark.parametrize("cut", range(12, 60))
def test_every_cut_is_an_error(cut: int) -> None:
    """A query cut anywhere behind its header is FORMERR."""
    packet = Ask("gw.example.net.", 1, options=(ecs("10.1.2.0/24"),)).packet()
    query = parse(packet[:cut])
    assert query is not None
    assert query.rcode == (FORMERR if cut < len(packet) else NOERROR)
