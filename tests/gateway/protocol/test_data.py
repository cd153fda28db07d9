"""The preamble of a data channel."""

from __future__ import annotations

import pytest

from gateway.protocol.codes import CloseCode
from gateway.protocol.data import (
    ANSWER_BYTES,
    HELLO_BYTES,
    encode_answer,
    encode_hello,
    parse_answer,
    parse_hello,
)
from gateway.protocol.errors import ProtocolError

NONCE, KEY = bytes(range(16)), bytes(range(32))


def test_the_connector_proves_its_open() -> None:
    """52 bytes; another key or nonce is no proof."""
    wire = encode_hello(NONCE, KEY)
    assert len(wire) == HELLO_BYTES == 52
    assert all(parse_hello(wire[:size]) is None for size in range(HELLO_BYTES))
    hello = parse_hello(wire + b"session")
    assert hello is not None
    assert hello.nonce == NONCE
    assert hello.is_proved(KEY)
    assert not hello.is_proved(bytes(32))
    swapped = parse_hello(wire[:4] + bytes(16) + wire[20:])
    assert swapped is not None
    assert not swapped.is_proved(KEY)


def test_the_pop_answers_yes_or_why_not() -> None:
    """6 bytes; a no is raised with its code."""
    yes, no = encode_answer(None), encode_answer(CloseCode.CONNECTOR_NONCE)
    assert len(yes) == len(no) == ANSWER_BYTES
    assert parse_answer(yes)
    assert not parse_answer(yes[:5])
    with pytest.raises(ProtocolError) as refused:
        parse_answer(no)
    assert refused.value.code is CloseCode.CONNECTOR_NONCE


@pytest.mark.parametrize("wire", [b"X", b"DAT2", b"GET / HTTP/1.1"])
def test_other_bytes_are_refused_at_once(wire: bytes) -> None:
    """By the first byte that cannot be."""
    for parse in (parse_hello, parse_answer):
        with pytest.raises(ProtocolError):
            parse(wire)
