"""TSIG against dnspython's own client side, and byte by byte where RFC 8945 fixes the bytes."""

from __future__ import annotations

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest

from itm.dns import tsig
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.name import encode
from itm.dns.query import BADKEY, BADSIG, BADTIME, BADTRUNC, FORMERR, NOTAUTH, parse
from itm.dns.tsig import Key
from tests.itm.dns.asking import demo_map

NOW = 1_700_000_000
SECRET = bytes(range(32))
ALGORITHMS = ["hmac-sha256", "hmac-sha384", "hmac-sha512"]


def key(name: str = "k.example.", algorithm: str = "hmac-sha256", secret: bytes = SECRET) -> Key:
    return Key(dns.name.from_text(name), secret, algorithm)


def asked(
    with_key: Key, name: str = "www.example.net.", rtype: str = "A", **more: object
) -> dns.message.Message:
    query = dns.message.make_query(name, rtype, **more)  # type: ignore[arg-type]
    query.use_tsig(with_key)
    return query


def wire(query: dns.message.Message, monkeypatch: pytest.MonkeyPatch, at: float = NOW) -> bytes:
    monkeypatch.setattr("time.time", lambda: at)
    return query.to_wire()


def server(*keys: Key, now: float = NOW) -> Answerer:
    made = Answerer(build(demo_map()), clock=lambda: now)
    made.keys = {encode(one.name.to_text().lower()): one for one in keys}
    return made


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("edns", [False, True])
def test_a_signed_query_gets_a_signed_answer(
    algorithm: str, edns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With any algorithm, with EDNS or without; a key's name is the same in any case."""
    mine = key("K.Example.", algorithm)
    query = asked(mine, use_edns=0 if edns else -1)
    reply = server(mine).answer(wire(query, monkeypatch), "192.0.2.1")
    assert reply is not None
    told = dns.message.from_wire(reply, keyring=mine, request_mac=query.mac)
    assert told.had_tsig
    assert told.rcode() == 0
    assert [str(rrset) for rrset in told.answer] == [
        "www.example.net. 300 IN A 192.0.2.80\nwww.example.net. 300 IN A 192.0.2.81"
    ]


def test_errors_are_signed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """REFUSED outside our zones; and what does not fit leaves room for the signature."""
    mine = key()
    query = asked(mine, "www.example.org.")
    reply = server(mine).answer(wire(query, monkeypatch), "192.0.2.1")
    assert dns.message.from_wire(reply or b"", keyring=mine, request_mac=query.mac).rcode() == 5
    query = asked(mine, "mid.example.net.", "TXT", use_edns=0, payload=800)
    reply = server(mine).answer(wire(query, monkeypatch), "192.0.2.1") or b""
    told = dns.message.from_wire(reply, keyring=mine, request_mac=query.mac)
    assert len(reply) <= 800
    assert told.flags & dns.flags.TC


def refused(
    query: dns.message.Message, packet: bytes, answerer: Answerer
) -> tuple[int, dns.rdtypes.ANY.TSIG.TSIG]:
    """The rcode of a reply and the TSIG record that stands in it."""
    reply = answerer.answer(packet, "192.0.2.1")
    told = dns.message.from_wire(reply or b"", keyring=False)
    assert told.id == query.id
    assert told.answer == []
    assert told.tsig is not None
    return int(told.rcode()), told.tsig[0]


def test_an_unknown_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name or by algorithm: BADKEY, unsigned (RFC 8945 5.2.1)."""
    for known in (key("other."), key(algorithm="hmac-sha512")):
        query = asked(key())
        rcode, said = refused(query, wire(query, monkeypatch), server(known))
        assert (rcode, said.error, said.mac) == (NOTAUTH, BADKEY, b"")


def test_a_wrong_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another secret, or one bit of the question changed: BADSIG, unsigned (5.2.2)."""
    query = asked(key(secret=b"x" * 32))
    rcode, said = refused(query, wire(query, monkeypatch), server(key()))
    assert (rcode, said.error, said.mac) == (NOTAUTH, BADSIG, b"")
    query = asked(key())
    packet = bytearray(wire(query, monkeypatch))
    packet[2] ^= 1  # RD
    rcode, said = refused(query, bytes(packet), server(key()))
    assert (rcode, said.error) == (NOTAUTH, BADSIG)


@pytest.mark.parametrize(
    ("late", "is_good"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)]
)
def test_a_clock_that_differs(late: int, is_good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the fudge: BADTIME, signed, with both clocks' time (5.2.3)."""
    mine = key()
    query = asked(mine)
    packet = wire(query, monkeypatch, NOW - late)
    if is_good:
        reply = server(mine).answer(packet, "192.0.2.1") or b""
        assert dns.message.from_wire(reply, keyring=mine, request_mac=query.mac).rcode() == 0
        return
    rcode, said = refused(query, packet, server(mine))
    assert (rcode, said.error, said.time_signed) == (NOTAUTH, BADTIME, NOW - late)
    assert int.from_bytes(said.other, "big") == NOW
    reply = server(mine).answer(packet, "192.0.2.1") or b""
    with pytest.raises(dns.tsig.PeerBadTime):  # only a good signature leads there
        dns.message.from_wire(reply, keyring=mine, request_mac=query.mac)


@pytest.mark.parametrize(
    ("size", "error"), [(16, BADTRUNC), (31, BADTRUNC), (15, FORMERR), (0, FORMERR), (33, FORMERR)]
)
def test_a_shortened_mac(size: int, error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough to be known: BADTRUNC, signed (5.2.4); else a format error (5.2.2.1)."""
    query = asked(key())
    whole = wire(query, monkeypatch)
    start = whole.rindex(query.mac)
    mac = (query.mac + b"x")[:size]
    cut = whole[: start - 2] + size.to_bytes(2, "big") + mac + whole[start + 32 :]
    length = start - 2 - 8 - len(encode("hmac-sha256.")) - 2  # where the record says how long its data is
    data = int.from_bytes(whole[length : length + 2], "big") - 32 + size
    cut = cut[:length] + data.to_bytes(2, "big") + cut[length + 2 :]
    parsed = parse(cut)
    assert parsed is not None
    session = tsig.judge(cut, parsed, server(key()).keys, NOW)
    if error == FORMERR:
        assert (session, parsed.rcode) == (None, FORMERR)
    else:
        assert session is not None
        assert (session.error, parsed.rcode, parsed.tsig_error) == (BADTRUNC, NOTAUTH, 0)


def test_many_messages_are_signed_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each one's signature covers the one before (5.3.1): dnspython follows a chain of five."""
    mine = key()
    query = asked(mine, "example.net.", "AXFR")
    packet = wire(query, monkeypatch)
    parsed = parse(packet)
    assert parsed is not None
    session = tsig.judge(packet, parsed, server(mine).keys, NOW)
    assert session is not None
    bare = packet[:2] + b"\x84\0\0\1\0\0\0\0\0\0" + parsed.question
    context = None
    for _ in range(5):
        one = session.sign(bare, NOW)
        assert len(one) == len(bare) + session.room
        told = dns.message.from_wire(
            one, keyring=mine, request_mac=query.mac, xfr=True, tsig_ctx=context, multi=True
        )
        assert told.had_tsig
        context = told.tsig_ctx
    session.sign(bare, NOW)
    one = session.sign(bare, NOW)
    with pytest.raises(dns.tsig.BadSignature):  # one left out breaks it
        dns.message.from_wire(
            one, keyring=mine, request_mac=query.mac, xfr=True, tsig_ctx=context, multi=True
        )


def test_a_record_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut or with bytes behind its end: a format error, no crash."""
    query = asked(key())
    packet = wire(query, monkeypatch)
    parsed = parse(packet)
    assert parsed is not None
    assert parsed.tsig is not None
    owner, data = parsed.tsig
    for wrong in (b"", data[:10], data + b"x"):
        parsed.tsig = owner, wrong
        assert tsig.judge(packet, parsed, server(key()).keys, NOW) is None
        assert parsed.rcode == FORMERR
