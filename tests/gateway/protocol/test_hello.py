"""The preamble of the resumable stream."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.hello import (
    MOST_ALTERNATES,
    Accepted,
    Alternate,
    ClientHello,
    encode_answer,
    encode_hello,
    parse_answer,
    parse_hello,
)

FIRST = ClientHello(1, ticket=";40;STA1;" + "A" * 32)
ACCEPTED = Accepted("ab" * 16, "token", "c1", (Alternate("gw-b", "192.0.2.9", 443),), 3600)


def framed(fields: object) -> bytes:
    body = json.dumps(fields).encode()
    return len(body).to_bytes(2, "big") + body


def test_hello_and_answer_come_back() -> None:
    """With their size, so that what follows is the stream's; None while they are short."""
    for wire, parse, value in (
        (encode_hello(FIRST), parse_hello, FIRST),
        (encode_hello(ClientHello(2, token="t", connector="c1")), parse_hello, ClientHello(2, "", "t", "c1")),
        (encode_answer(ACCEPTED), parse_answer, ACCEPTED),
    ):
        assert parse(wire + b"stream") == (value, len(wire))
        assert all(parse(wire[:size]) is None for size in range(len(wire)))


def test_alternates_give_way_to_the_rest_of_an_answer() -> None:
    """An answer of at most 4096 bytes is never given up for them: the first ones stay."""
    many = tuple(Alternate("n" * 200, f"192.0.2.{number}", 443) for number in range(MOST_ALTERNATES))
    wire = encode_answer(Accepted("ab" * 16, "t" * 2048, "c1", many, 3600))
    parsed = parse_answer(wire)
    assert parsed is not None
    assert parsed[0].alternates == many[: len(parsed[0].alternates)]
    assert 0 < len(parsed[0].alternates) < MOST_ALTERNATES
    with pytest.raises(ProtocolError):
        encode_answer(Accepted("ab" * 16, "t" * 5000, "c1", many))


def test_a_no_is_raised_with_its_code() -> None:
    """The POP names the party at fault."""
    with pytest.raises(ProtocolError) as refused:
        parse_answer(encode_answer(CloseCode.CONNECTOR_NONE))
    assert refused.value.code is CloseCode.CONNECTOR_NONE
    assert refused.value.text == CloseCode.CONNECTOR_NONE.text


@pytest.mark.parametrize(
    "wire",
    [
        b"RSP2",
        b"RSP1\xff\xff",
        b"RSP1\x00\x02{]",
        b"RSP1" + framed([]),
        b"RSP1" + framed({"epoch": 1}),
        b"RSP1" + framed({"epoch": 1, "ticket": "a", "token": "b"}),
        b"RSP1" + framed({"epoch": 0, "ticket": "a"}),
        b"RSP1" + framed({"epoch": True, "ticket": "a"}),
        b"RSP1" + framed({"epoch": 1 << 32, "ticket": "a"}),
        b"RSP1" + framed({"epoch": 1, "ticket": 5}),
        b"RSP1\x0f\x00" + b"[" * 3840,
    ],
)
def test_a_wrong_hello_is_the_clients_fault(wire: bytes) -> None:
    """Bounded, typed, and either a ticket or a token."""
    with pytest.raises(ProtocolError) as refused:
        parse_hello(wire)
    assert refused.value.code is CloseCode.CLIENT_PROTOCOL


@pytest.mark.parametrize(
    "fields",
    [
        {"ok": 1},
        {"ok": True, "session": "x", "alternates": [], "idle_seconds": 0},
        {"ok": True, "session": "ab" * 16, "alternates": {}, "idle_seconds": 0},
        {"ok": True, "session": "ab" * 16, "alternates": [{"address": "a", "port": 0}], "idle_seconds": 0},
        {"ok": True, "session": "ab" * 16, "alternates": ["a"], "idle_seconds": 0},
    ],
)
def test_a_wrong_answer_is_the_pops_fault(fields: dict[str, object]) -> None:
    """Whatever a POP answers, the client gets a code."""
    with pytest.raises(ProtocolError) as refused:
        parse_answer(framed(fields))
    assert refused.value.code is CloseCode.POP_OTHER


@given(st.binary(max_size=200))
def test_rubbish_never_crashes(rest: bytes) -> None:
    """Any bytes give a value, an error or the wish for more."""
    for parse, wire in ((parse_hello, b"RSP1" + rest), (parse_answer, rest)):
        with contextlib.suppress(ProtocolError):
            parse(wire)
