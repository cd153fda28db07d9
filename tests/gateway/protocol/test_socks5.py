"""Dialogues of SOCKS5, both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import Misuse, ProtocolError
from gateway.protocol.socks5 import ConnectRequest, Socks5Client, Socks5Server

TICKET = ";40;STA123;" + "A" * 32


def test_curl_connects_by_ticket() -> None:
    """The bytes that curl 7.88 sends for a ticket as domain, one at a time."""
    server = Socks5Server()
    wire = b"\x05\x02\x00\x01" + b"\x05\x01\x00\x03" + bytes((len(TICKET),)) + TICKET.encode() + b"\x0a\x26"
    found = [request for at in range(len(wire)) if (request := server.receive(wire[at : at + 1]))]
    assert found == [ConnectRequest(TICKET, 2598)]
    assert server.take() == b"\x05\x00"
    server.receive(b"early")
    server.accept()
    assert server.take() == b"\x05\x00\x00\x01" + bytes(6)
    assert server.rest() == b"early"


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        (CloseCode.CLIENT_TICKET_EXPIRED, 2),
        (CloseCode.CONNECTOR_NONE, 4),
        (CloseCode.VDA_REFUSED, 5),
        (CloseCode.VDA_TIMEOUT, 6),
        (CloseCode.POP_INTERNAL, 1),
    ],
)
def test_a_refusal_is_the_nearest_reply(code: CloseCode, reply: int) -> None:
    """RFC 1928 section 6."""
    server = Socks5Server()
    server.receive(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x16")
    server.take()
    server.refuse(code)
    assert server.take()[1] == reply


@pytest.mark.parametrize(
    ("wire", "last_word"),
    [
        (b"\x04\x01", b""),
        (b"\x05\x01\x02", b"\x05\xff"),
        (b"\x05\x00", b"\x05\xff"),
        (b"\x05\x01\x00\x05\x02\x00\x01\x7f", b"\x05\x07"),
        (b"\x05\x01\x00\x05\x01\x00\x09\x7f", b"\x05\x08"),
        (b"\x05\x01\x00\x06\x01", b""),
        (b"\x05\x01\x00\x05\x01\x00\x03\x01\xff\x00\x01", b""),
        (b"\x05\x01\x00\x05\x01\x00\x03\xff" + b"a" * 1000, b""),
    ],
)
def test_what_is_not_socks5_is_the_clients_fault(wire: bytes, last_word: bytes) -> None:
    """With the reply that RFC 1928 has for it, if any."""
    server = Socks5Server()
    with pytest.raises(ProtocolError) as refused:
        server.receive(wire)
    assert refused.value.code is CloseCode.CLIENT_PROTOCOL
    assert server.take().removeprefix(b"\x05\x00")[:2] == last_word


@given(st.binary(max_size=700))
def test_rubbish_never_crashes(wire: bytes) -> None:
    """Any bytes give a request, a refusal or the wish for more."""
    server = Socks5Server()
    try:
        for at in range(0, len(wire), 7):
            server.receive(wire[at : at + 7])
    except ProtocolError:
        pass


@pytest.mark.parametrize("host", ["vda.example", "192.0.2.7", "2001:db8::7", TICKET])
def test_client_and_server_understand_each_other(host: str) -> None:
    """Names and addresses of both families."""
    client, server = Socks5Client(host, 443), Socks5Server()
    server.receive(client.take())
    assert not client.receive(server.take())
    assert server.receive(client.take()) == ConnectRequest(host, 443)
    server.accept()
    assert client.receive(server.take() + b"hi")
    assert client.rest() == b"hi"


def test_the_client_gives_a_password_when_asked() -> None:
    """RFC 1929."""
    client = Socks5Client("h", 1, "user", "secret")
    assert client.take() == b"\x05\x02\x00\x02"
    client.receive(b"\x05\x02")
    assert client.take() == b"\x01\x04user\x06secret"
    client.receive(b"\x01")
    client.receive(b"\x00")
    assert client.take() == b"\x05\x01\x00\x03\x01h\x00\x01"
    assert client.receive(b"\x05\x00\x00\x03\x02ab\x00\x01")


@pytest.mark.parametrize(
    "replies",
    [
        (b"\x05\xff",),
        (b"\x05\x02",),
        (b"\x04\x00",),
        (b"\x05\x00", b"\x05\x05\0\x01\0"),
        (b"\x05\x00", b"\x05\0\0\x09\0"),
    ],
)
def test_a_proxy_that_does_not_is_an_error(replies: tuple[bytes, ...]) -> None:
    """No method, no such version, a refusal, an address type nobody knows."""
    client = Socks5Client("h", 1)
    assert not any(client.receive(reply) for reply in replies[:-1])
    with pytest.raises(ProtocolError) as refused:
        client.receive(replies[-1])
    assert refused.value.code is CloseCode.CONNECTOR_REFUSED


def test_misuse_is_our_own_bug() -> None:
    """Too long a name or password, the rest before the request."""
    for make in (
        lambda: Socks5Client("h", 1, "u", "p" * 256),
        lambda: Socks5Client("h" * 256, 1),
        Socks5Server().rest,
    ):
        with pytest.raises(Misuse):
            make()
