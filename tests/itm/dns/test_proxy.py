from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itm.dns.proxy import FIXED_BYTES, MAX_BYTES, SIGNATURE, Header, MalformedProxy, Preface, parse

V4 = "192.0.2.7"
V6 = "2001:db8::7"


def header(source: str = V4, *, command: int = 0x21, kind: int = 0, more: bytes = b"") -> bytes:
    """A header as dnsdist and haproxy make it; `kind` 0: the family of `source`, over TCP."""
    address = ipaddress.ip_address(source)
    kind = kind or (0x11 if address.version == 4 else 0x21)
    other = ipaddress.ip_address(1) if address.version == 4 else ipaddress.IPv6Address(1)
    body = address.packed + other.packed + struct.pack(">HH", 40_000, 53) + more
    return SIGNATURE + struct.pack(">BBH", command, kind, len(body)) + body


def bare(command: int, kind: int, body: bytes = b"") -> bytes:
    return SIGNATURE + struct.pack(">BBH", command, kind, len(body)) + body


@pytest.mark.parametrize(
    ("wire", "source"),
    [
        (header(), V4),
        (header(kind=0x12), V4),
        (header(V6), V6),
        (header(V6, kind=0x22), V6),
        (header("::ffff:192.0.2.7", kind=0x22), "::ffff:192.0.2.7"),
        (header(more=b"\x04\x00\x03abc"), V4),  # a TLV: skipped
        (bare(0x20, 0x00), None),  # LOCAL: the proxy's own check
        (header(command=0x20), None),  # LOCAL with addresses: not used
        (bare(0x21, 0x00), None),  # UNSPEC
        (bare(0x21, 0x00, b"12345"), None),
        (bare(0x21, 0x31, bytes(216)), None),  # UNIX: no address that we could use
    ],
)
def test_whose_it_is(wire: bytes, source: str | None) -> None:
    """The source of each family; None where the proxy speaks for itself. What follows is not looked at."""
    assert parse(wire) == Header(len(wire), source)
    assert parse(wire + b"query") == Header(len(wire), source)


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 53\r\n",  # version 1
        b"\x12\x34\x01\x00",
        SIGNATURE[:-1] + b"\r",
        bare(0x11, 0x11, bytes(12)),  # version 1 in the form of 2
        bare(0x22, 0x11, bytes(12)),  # a command that does not exist
        bare(0x21, 0x41, bytes(12)),  # nor this family
        bare(0x21, 0x13, bytes(12)),  # nor this protocol
        bare(0x21, 0x11, bytes(11)),
        bare(0x21, 0x21, bytes(35)),
        bare(0x21, 0x31, bytes(215)),
        bare(0x20, 0x00, bytes(MAX_BYTES)),
    ],
)
def test_what_is_not_sound_is_an_error(wire: bytes) -> None:
    """Nothing is guessed."""
    with pytest.raises(MalformedProxy):
        parse(wire)


def test_a_stream_in_pieces() -> None:
    """Byte by byte, the header comes out once, with what came after it."""
    wire = header(V6, more=b"\x20\x00\x01x") + b"more"
    preface = Preface()
    found = [preface.feed(wire[n : n + 1]) for n in range(len(wire) - 4)]
    assert found[:-1] == [None] * (len(wire) - 5)
    assert found[-1] == (Header(len(wire) - 4, V6), b"")
    assert Preface().feed(wire) == (Header(len(wire) - 4, V6), b"more")


@given(wire=st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: SIGNATURE + tail))
def test_whatever_comes(wire: bytes) -> None:
    """A header within the bytes, a wish for more of them, or the one error."""
    try:
        found = parse(wire)
    except MalformedProxy:
        return
    if found is not None:
        assert FIXED_BYTES <= found.length <= len(wire)
        assert found.source is None or ipaddress.ip_address(found.source)


def test_rubbish_is_known_by_its_first_byte() -> None:
    """Nobody has to send 16 bytes to be refused."""
    with pytest.raises(MalformedProxy):
        parse(b"\0")
