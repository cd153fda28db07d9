"""The upgrade and its refusals; frames in any shape are one byte stream; every end has a code."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import WSConnection
from wsproto.connection import Connection, ConnectionType
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    Request,
)
from wsproto.extensions import PerMessageDeflate

from gateway.protocol.codes import CloseCode
from gateway.protocol.websocket import CODE_BASE, FRAME_BYTES, PLAIN, Frames, NoUpgrade, Origins, Upgrade

NAMES = Origins(names={"gw.test", "192.0.2.1", "2001:db8::1"})
HEAD = (
    "GET /hdx/v1 HTTP/1.1\r\nHost: gw.test\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: hdx-plain.v1, t-abc.sta1\r\nOrigin: https://gw.test:9443\r\n\r\n"
)
"""The key is that of RFC 6455, 1.3."""


def head(*changes: tuple[str, str]) -> bytes:
    text = HEAD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text.encode("latin-1")


def frames_of(client: Connection, *events: Event) -> bytes:
    return b"".join(client.send(event) for event in events)


def answers(client: Connection, data: bytes) -> list[Event]:
    client.receive_data(data)
    return list(client.events())


@pytest.fixture
def client() -> Connection:
    return Connection(ConnectionType.CLIENT)


def test_the_upgrade_is_answered_as_the_rfc_says() -> None:
    """The accept token of RFC 6455, 1.3; our subprotocol is chosen, the ticket is the other one."""
    asked = Upgrade(head(), NAMES)
    assert asked.ticket == "t-abc.sta1"
    answer, _, early = asked.accept()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    assert PLAIN.encode() in answer
    assert early == b""


def test_a_whole_client_and_what_it_sent_at_once(client: Connection) -> None:
    """Frames right behind the request are not lost; compression is not agreed to."""
    caller = WSConnection(ConnectionType.CLIENT)
    wanted = Request(
        host="gw.test", target="/hdx/v1", subprotocols=[PLAIN, "t-x"], extensions=[PerMessageDeflate()]
    )
    request = caller.send(wanted)
    asked = Upgrade(request + frames_of(client, BytesMessage(data=b"early")), NAMES)
    answer, frames, early = asked.accept()
    assert early == b"early"
    caller.receive_data(answer)
    [accepted] = caller.events()
    assert isinstance(accepted, AcceptConnection)
    assert (accepted.subprotocol, accepted.extensions) == (PLAIN, [])
    caller.receive_data(frames.data(b"hello"))
    assert [event.data for event in caller.events() if isinstance(event, BytesMessage)] == [b"hello"]


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("/hdx/v1", "/other", 404, CloseCode.POP_NOT_FOUND),
        ("Version: 13", "Version: 8", 426, CloseCode.CLIENT_PROTOCOL),
        ("Sec-WebSocket-Version: 13\r\n", "", 400, CloseCode.CLIENT_PROTOCOL),
        ("Connection: keep-alive, Upgrade", "Connection: close", 400, CloseCode.CLIENT_PROTOCOL),
        ("Sec-WebSocket-Key", "X-Key", 400, CloseCode.CLIENT_PROTOCOL),
        ("hdx-plain.v1, ", "chat, ", 400, CloseCode.CLIENT_PROTOCOL),
        ("t-abc", "t-\xe4bc", 400, CloseCode.CLIENT_PROTOCOL),
        ("HTTP/1.1", "HTTP/7", 400, CloseCode.CLIENT_PROTOCOL),
        ("Origin", "Content-Length: 5\r\nOrigin", 400, CloseCode.CLIENT_PROTOCOL),
        ("Origin", "Transfer-Encoding: chunked\r\nOrigin", 400, CloseCode.CLIENT_PROTOCOL),
        ("https://gw.test:9443", "https://evil.test", 403, CloseCode.CLIENT_ORIGIN),
        ("https://gw.test:9443", "http://gw.test", 403, CloseCode.CLIENT_ORIGIN),
        ("https://gw.test:9443", "null", 403, CloseCode.CLIENT_ORIGIN),
        ("Origin", "Origin: https://evil.test\r\nOrigin", 403, CloseCode.CLIENT_ORIGIN),
        ("https://gw.test:9443", "https://[gw.test", 403, CloseCode.CLIENT_ORIGIN),
    ],
)
def test_refused_before_the_upgrade(old: str, new: str, status: int, code: CloseCode) -> None:
    """Each with its HTTP status and the code that is counted."""
    with pytest.raises(NoUpgrade) as refused:
        Upgrade(head((old, new)), NAMES)
    assert refused.value.code is code
    assert refused.value.answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert refused.value.answer.endswith(b"\r\n\r\n")
    assert (b"Sec-WebSocket-Version: 13" in refused.value.answer) == (status == 426)


@given(cut=st.integers(0, len(HEAD)), junk=st.binary(max_size=40))
def test_no_request_gets_through_by_being_broken(cut: int, junk: bytes) -> None:
    """Junk anywhere in the head is an upgrade or a refusal, never another error."""
    with contextlib.suppress(NoUpgrade):
        Upgrade(HEAD[:cut].encode() + junk + HEAD[cut:].encode(), NAMES).accept()


@pytest.mark.parametrize(
    ("origins", "origin", "expected"),
    [
        (NAMES, "", True),
        (NAMES, "https://192.0.2.1", True),
        (NAMES, "https://[2001:db8::1]:8443", True),
        (NAMES, "https://sub.gw.test", False),
        (Origins({"https://desk.test"}, {"gw.test"}), "https://desk.test", True),
        (Origins({"https://desk.test"}, {"gw.test"}), "https://desk.test:444", False),
        (Origins({"https://desk.test"}, {"gw.test"}), "https://gw.test", False),
        (Origins({"https://desk.test"}, {"gw.test"}), "", True),
    ],
)
def test_whose_pages_may(origins: Origins, origin: str, expected: bool) -> None:
    """The POP's own names until there is a list, then the list alone; programs without pages always."""
    assert origins.admit(origin) is expected


@given(
    parts=st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=8), size=st.integers(1, 700)
)
def test_frames_and_reads_of_any_size_are_one_stream(parts: list[tuple[bytes, bool]], size: int) -> None:
    """Fragments, empty messages, pings between them, cut anywhere: the bytes in their order."""
    client, frames = Connection(ConnectionType.CLIENT), Frames()
    wire = b"".join(
        frames_of(client, BytesMessage(data=data, message_finished=last), Ping()) for data, last in parts
    )
    got = b""
    for begin in range(0, len(wire), size):
        piece = frames.receive(wire[begin : begin + size])
        assert len(piece) <= size
        got += piece
    assert got == b"".join(data for data, _ in parts)
    assert not frames.fault


def test_a_frame_of_the_longest_kind_arrives_whole(client: Connection) -> None:
    """64 KiB, in one message."""
    payload = bytes(range(256)) * (FRAME_BYTES // 256)
    [message] = answers(client, Frames().data(memoryview(payload)))
    assert isinstance(message, BytesMessage)
    assert (message.data, message.message_finished) == (payload, True)


def test_pings_are_answered_by_one_pong(client: Connection) -> None:
    """The last one's payload; a flood costs nothing."""
    frames = Frames()
    assert frames.receive(frames_of(client, *(Ping(payload=b"%d" % n) for n in range(1000)))) == b""
    assert answers(client, frames.take()) == [Pong(payload=b"999")]
    assert frames.take() == b""


def test_the_clients_close_is_returned(client: Connection) -> None:
    """Same code; after it nothing is read."""
    frames = Frames()
    sent = frames_of(client, BytesMessage(data=b"last"), CloseConnection(code=1000, reason="bye"))
    assert frames.receive(sent) == b"last"
    assert frames.is_ended
    [close] = answers(client, frames.take())
    assert isinstance(close, CloseConnection)
    assert close.code == 1000
    assert frames.receive(b"\x00junk") == b""
    frames.close(CloseCode.VDA_CLOSED)
    assert frames.take() == b""


def test_our_close_names_the_party_at_fault(client: Connection) -> None:
    """4000 and the code's number, its name and text; what the client still sends is read until its close."""
    frames = Frames()
    frames.close(CloseCode.VDA_CLOSED)
    [close] = answers(client, frames.take())
    assert isinstance(close, CloseConnection)
    assert (close.code, close.reason) == (4500, "vda_closed: the VDA ended the session")
    assert frames.is_closing
    assert not frames.is_ended
    assert frames.receive(frames_of(client, close.response())) == b""
    assert frames.is_ended


@pytest.mark.parametrize("code", CloseCode)
def test_every_code_fits_a_close_frame(code: CloseCode) -> None:
    """The number is in the private range, the text is not cut (RFC 6455, 5.5 and 7.4.2)."""
    client, frames = Connection(ConnectionType.CLIENT), Frames()
    frames.close(code)
    [close] = answers(client, frames.take())
    assert isinstance(close, CloseConnection)
    assert (close.code, close.reason) == (CODE_BASE + code.number, f"{code}: {code.text}")


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x81\x85\x00\x00\x00\x00hello", 1003),  # a text
        (b"\x82\x05hello", 1002),  # not masked
        (b"\xc2\x80\x00\x00\x00\x00", 1002),  # compressed without an agreement
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # no such frame
        (b"\x80\x80\x00\x00\x00\x00", 1002),  # goes on with nothing
        (b"\x09\x80\x00\x00\x00\x00", 1002),  # a ping in fragments
        (b"\x82\xff" + b"\xff" * 8, 1002),  # longer than a length can be
        (b"\x88\x81\x00\x00\x00\x00\x01", 1002),  # half a code
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),  # text that is none
    ],
)
def test_what_breaks_the_protocol(client: Connection, wire: bytes, code: int) -> None:
    """A fault, a close frame with the RFC's code, and no payload any more."""
    frames, more = Frames(), frames_of(client, BytesMessage(data=b"more"))
    assert frames.receive(wire + more) == b""
    assert frames.fault
    [close] = answers(client, frames.take())
    assert isinstance(close, CloseConnection)
    assert close.code == code
    assert frames.receive(more) == b""


@given(wire=st.binary(max_size=400), size=st.integers(1, 100))
def test_junk_is_a_fault_or_payload(wire: bytes, size: int) -> None:
    """Whatever comes after the upgrade, nothing but `fault` tells of it."""
    frames = Frames()
    for begin in range(0, len(wire), size):
        assert len(frames.receive(wire[begin : begin + size])) <= size
    frames.close(CloseCode.CLIENT_CLOSED)
    frames.take()
