from __future__ import annotations

import dataclasses

import pytest

from itm.dns.query import BADVERS, REFUSED, Edns, Query, parse
from itm.dns.reply import build, error, most_bytes
from itm.dns.wire import AA, Body
from tests.itm.dns.asking import Ask, Told

LEAST = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4abcd"


def _query(ask: Ask) -> Query:
    query = parse(ask.packet())
    assert query is not None
    return query


@pytest.mark.parametrize(
    ("offer", "tcp", "most"),
    [(None, False, 512), (0, False, 512), (800, False, 800), (65535, False, 1232), (512, True, 65535)],
)
def test_room(offer: int | None, tcp: bool, most: int) -> None:
    """512 without EDNS, the smaller of both offers with it, 65535 over TCP."""
    query = _query(Ask(edns=offer is not None, payload=offer or 0))
    assert most_bytes(query, 1232, tcp) == most


@pytest.mark.parametrize(("extra", "records"), [(0, 2), (400, 2), (500, 1)])
def test_what_may_be_left_out_goes_first(extra: int, records: int) -> None:
    """Additional records that do not fit are dropped without TC; the rest stays whole."""
    additional = b"\xc0\x0c\0\x10\0\1\0\0\0\1" + extra.to_bytes(2, "big") + bytes(extra)
    body = Body(AA, LEAST, (1, 0, 0), LEAST + additional, (1, 0, 1))
    reply = build(_query(Ask(edns=False)), body, payload=1232, tcp=False)
    assert reply[6:12] == bytes([0, 1, 0, 0, 0, records - 1])
    assert not reply[2] & 0x02


def test_what_must_be_sent_or_tc() -> None:
    """When even that does not fit: TC, no record, OPT kept."""
    body = Body(AA, LEAST * 40, (40, 0, 0), LEAST * 40, (40, 0, 0))
    told = Told(build(_query(Ask(payload=512)), body, payload=1232, tcp=False))
    assert (told.tc, told.aa, told.lines("answer")) == (True, True, [])
    assert told.opt_ttl is not None


def test_errors() -> None:
    """An extended rcode is split between header and OPT; REFUSED says why, with OPT only."""
    query = _query(Ask())
    told = Told(error(dataclasses.replace(query, rcode=BADVERS), payload=1232))
    assert (told.rcode, told.flags & 0xF) == (BADVERS, 0)
    assert Told(error(dataclasses.replace(query, rcode=REFUSED), payload=1232)).options == {15: b"\0\x14"}
    plain = dataclasses.replace(query, rcode=REFUSED, edns=None)
    assert Told(error(plain, payload=1232)).opt_ttl is None
    assert Told(error(dataclasses.replace(query, edns=Edns(512, 0, True)), payload=1232)).rcode == 0
