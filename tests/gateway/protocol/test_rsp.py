"""Dialogues of two endpoints of the resumable stream."""

from __future__ import annotations

import hashlib

import pytest

from gateway.protocol import rspframe as frames
from gateway.protocol.budget import FLOOR, Budget
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import Misuse, ProtocolError
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Ponged, Reset, Resumed, WireRefused
from gateway.protocol.rspframe import Notice
from tests.gateway.protocol.wires import SESSION, connect, ends, joined, kinds, settle, step


def data_frame(offset: int, payload: bytes) -> bytes:
    return frames.DATA_HEADER.pack(frames.DATA, len(payload), offset) + payload


def test_the_first_frame_each_way_is_resume_and_alone() -> None:
    """Nothing leaves before the peer's RESUME has come, whatever the program has queued."""
    client, connector = pair = ends()
    client.send(b"early")
    client.endpoint.ping(1)
    connect(pair, 1)
    first = client.endpoint.take()
    assert kinds(first) == [frames.RESUME]
    assert client.endpoint.take() == connector.endpoint.take() == b""
    connector.receive(first)
    connector.send(b"banner")
    assert kinds(connector.endpoint.take()) == [frames.RESUME, frames.DATA]


def test_data_waits_for_the_peers_resume_on_a_new_wire() -> None:
    """Regression: data sent on a second wire before the peer's RESUME was replayed, and delivered twice."""
    client, connector = pair = joined()
    client.send(b"a" * 15_872)
    connector.receive(client.endpoint.take())  # arrives, but the wire dies before it is acknowledged
    client.endpoint.lost()
    connector.endpoint.lost()
    connect(pair, 2)
    client.send(b"b" * 100)
    assert kinds(client.endpoint._resume) == [frames.RESUME]
    settle(pair)
    assert connector.got == client.sent == b"a" * 15_872 + b"b" * 100
    assert client.events[-1] == Resumed(2, 0)


def test_lost_bytes_go_out_again_and_arrive_once() -> None:
    """What was under way when a wire died is replayed; the peer says from where."""
    client, connector = pair = joined()
    client.send(b"x" * 1000)
    wire = client.endpoint.take()
    connector.receive(wire[:500])  # the header and 487 bytes
    connect(pair, 2)
    settle(pair)
    assert connector.got == client.sent
    assert client.events[-1] == Resumed(2, 1000 - 487)


def test_an_overlap_is_trimmed() -> None:
    """A DATA frame whose beginning is known adds only its end."""
    _, connector = joined()
    for payload, offset in ((b"abcdef", 0), (b"cdefgh", 2), (b"abc", 0)):
        connector.receive(data_frame(offset, payload))
    assert connector.got == b"abcdefgh"


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        (data_frame(1, b"x"), "gap"),
        (data_frame(0, b"")[:1] + b"\xff\xff\xff\xff" + bytes(8), "DATA of"),
        (frames.frame(frames.FIN, frames.OFFSET.pack(5)), "end of stream"),
        (frames.encode_ack(1, 1 << 20, fin_seen=False), "acknowledges"),
        (frames.encode_ack(0, 1 << 20, fin_seen=True), "acknowledges"),
        (frames.frame(frames.ACK, b"short"), "frame 3"),
        (frames.frame(77, b""), "frame 77"),
        (frames.frame(frames.NOTICE, bytes(5000)), "frame 8"),
        (frames.frame(frames.NOTICE, b"[1]"), "NOTICE"),
        (frames.frame(frames.NOTICE, b'{"kind":"x","delay_ms":-1}'), "NOTICE"),
        (frames.frame(frames.RST, b""), "RST"),
    ],
)
def test_a_peer_that_breaks_the_rules_ends_the_session(wire: bytes, text: str) -> None:
    """The code names the peer, the peer is told, and memory is given back."""
    client, connector = pair = joined()
    connector.receive(wire)
    (reset,) = connector.events[-1:]
    assert isinstance(reset, Reset)
    assert (reset.code, reset.by_peer) == (CloseCode.CLIENT_PROTOCOL, False)
    assert text in reset.text
    settle(pair)
    assert client.events[-1] == Reset(CloseCode.CLIENT_PROTOCOL, reset.text, by_peer=True)
    assert client.endpoint.room == connector.endpoint.room == 0


def test_data_past_the_window_is_the_peers_fault() -> None:
    """The promise is the limit: one byte more ends the session."""
    _, connector = joined()
    for offset in range(0, FLOOR, 65536):
        connector.receive(data_frame(offset, bytes(65536)))
    assert connector.endpoint.closed is None
    connector.receive(data_frame(FLOOR, b"x"))
    assert connector.endpoint.closed is CloseCode.CLIENT_PROTOCOL


def test_half_close_is_kept() -> None:
    """One direction ends, the other goes on; both ended and known is complete."""
    client, connector = pair = joined()
    client.send(b"question")
    client.endpoint.finish()
    settle(pair)
    assert (connector.got, connector.finished) == (b"question", 1)
    assert not client.endpoint.is_complete
    connector.send(b"answer")
    connector.endpoint.finish()
    settle(pair)
    assert (client.got, client.finished) == (b"answer", 1)
    assert client.endpoint.is_complete
    assert connector.endpoint.is_complete
    with pytest.raises(Misuse):
        client.endpoint.send(b"x")


def test_an_end_of_stream_that_was_lost_is_said_again() -> None:
    """FIN and its acknowledgement survive the wires that carried them, and are told to the program once."""
    client, connector = pair = joined()
    client.send(b"all")
    client.endpoint.finish()
    client.endpoint.take()  # lost
    connect(pair, 2)
    connector.receive(client.endpoint.take())
    client.receive(connector.endpoint.take())
    connector.receive(client.endpoint.take())
    connector.consume()
    connector.endpoint.take()  # the acknowledgement is lost
    assert not client.endpoint.is_complete
    connect(pair, 3)
    settle(pair)
    assert (connector.got, connector.finished) == (b"all", 1)
    assert client.endpoint._out.fin_acked


def test_late_bytes_and_a_late_end_of_an_older_wire_are_ignored() -> None:
    """The higher epoch wins at once."""
    client, connector = pair = joined()
    client.send(b"late")
    late = client.endpoint.take(epoch=1)
    connect(pair, 2)
    connector.receive(late, epoch=1)
    connector.endpoint.lost(epoch=1)
    assert connector.endpoint.take(epoch=1) == b""
    assert connector.endpoint.is_up
    settle(pair)
    assert connector.got == b"late"


def test_a_second_wire_is_made_before_the_first_breaks() -> None:
    """The client offers a second wire while the first goes on; no byte is lost or doubled."""
    client, connector = pair = joined()
    client.send(b"one")
    offer = client.endpoint.offer(2)
    assert client.endpoint.epoch == 1
    connector.receive(client.endpoint.take())
    connector.send(b"two")
    in_flight = connector.endpoint.take()
    assert connector.endpoint.has_greeting(offer)
    assert not connector.endpoint.has_greeting(offer[:-1])
    connector.take_events(connector.endpoint.adopt(offer, 2))
    client.receive(in_flight, epoch=1)  # the first wire still delivers to the client
    client.send(b"three")
    client.endpoint.take(epoch=1)  # and still takes, in vain
    reply = connector.endpoint.take()
    client.take_events(client.endpoint.adopt(reply, 2))
    settle(pair)
    assert (client.got, connector.got) == (b"two", b"onethree")
    assert client.endpoint.epoch == connector.endpoint.epoch == 2


def test_a_wire_that_proves_nothing_changes_nothing() -> None:
    """A wrong proof, a replayed RESUME, another session, an old epoch: refused, and the session goes on."""
    client, connector = pair = joined()
    old = client.endpoint.offer(2)
    connector.endpoint.adopt(old, 2)
    client.endpoint.adopt(connector.endpoint.take(), 2)
    good = client.endpoint.offer(9)
    stranger = Endpoint(SESSION, is_initiator=True, budget=Budget())
    for wire, epoch in (
        (old, 2),  # replayed
        (old, 3),  # replayed for another epoch
        (good[:-1] + bytes((good[-1] ^ 1,)), 9),
        (stranger.offer(4), 4),  # knows the token but not the secret
        (Endpoint("f" * 32, is_initiator=True, budget=Budget()).offer(5), 5),
    ):
        with pytest.raises(ProtocolError) as refused:
            connector.endpoint.adopt(wire, epoch)
        assert refused.value.code is CloseCode.CLIENT_RESUME_REFUSED
    with pytest.raises(ProtocolError):
        connector.endpoint.has_greeting(frames.encode_reset(CloseCode.CLIENT_CLOSED, ""))
    client.send(b"still here")
    settle(pair)
    assert connector.got == b"still here"


def test_a_stranger_cannot_end_a_session_through_its_current_wire() -> None:
    """Before the proof, RST or rubbish only costs the wire."""
    for first in (
        frames.encode_reset(CloseCode.CLIENT_CLOSED, ""),
        b"GET / HTTP/1.1\r\n",
        data_frame(0, b"x"),
    ):
        _, connector = joined()
        connector.endpoint.lost()
        connector.endpoint.connected(7)
        connector.receive(first)
        assert isinstance(connector.events[-1], WireRefused)
        assert connector.endpoint.closed is None
        assert not connector.endpoint.is_up


def test_the_client_is_told_that_the_session_is_gone() -> None:
    """RST in place of RESUME is the connector's way to say so, on the current wire and on an offered one."""
    gone = frames.encode_reset(CloseCode.CONNECTOR_SESSION_UNKNOWN, "restarted")
    client, _ = joined()
    client.endpoint.offer(2)
    assert client.endpoint.has_greeting(gone)
    with pytest.raises(ProtocolError) as refused:
        client.endpoint.adopt(gone, 2)
    assert refused.value.code is CloseCode.CONNECTOR_SESSION_UNKNOWN
    assert client.endpoint.closed is None
    client.endpoint.connected(3)
    client.receive(gone)
    assert client.events[-1] == Reset(CloseCode.CONNECTOR_SESSION_UNKNOWN, "restarted", by_peer=True)


def test_an_answer_to_the_first_resume_may_be_lost() -> None:
    """The client shows its public key again, and only the same one is accepted."""
    client, connector = pair = ends()
    connect(pair, 1)
    connector.receive(client.endpoint.take())
    connector.endpoint.take()  # lost
    stranger = Endpoint(SESSION, is_initiator=True, budget=Budget())
    with pytest.raises(ProtocolError):
        connector.endpoint.adopt(stranger.offer(2), 2)
    connect(pair, 3)
    client.send(b"x")
    settle(pair)
    connect(pair, 4)
    settle(pair)
    assert connector.got == b"x"
    assert connector.endpoint.is_open


def test_a_reset_is_said_on_the_next_wire_too() -> None:
    """`abort` while no wire is up reaches the peer when it comes back."""
    client, connector = pair = joined()
    connect(pair, 2)
    connector.endpoint.abort(CloseCode.VDA_RESET, "gone")
    connector.endpoint.lost()
    client.endpoint.connected(3)
    connector.endpoint.adopt(client.endpoint.take(), 3)
    client.receive(connector.endpoint.take())
    assert client.events[-1] == Reset(CloseCode.VDA_RESET, "gone", by_peer=True)
    assert client.endpoint.closed is CloseCode.VDA_RESET
    assert step(pair) == 0


def test_pings_and_notices_pass_and_stay_few() -> None:
    """A peer that pings without reading is answered once; our own queue forgets its oldest."""
    client, connector = joined()
    for token in range(100):
        client.endpoint.ping(token)
    client.endpoint.notify(Notice("drain", "", 500))
    wire = client.endpoint.take()
    assert len(kinds(wire)) == 32
    connector.receive(wire)
    client.receive(connector.endpoint.take())
    assert client.events[-1] == Ponged(99)
    assert connector.events[-1] == Notice("drain", "", 500)


def test_misuse_is_our_own_bug() -> None:
    """More than there is room for, more consumed than given, an epoch that does not rise."""
    client, _ = joined()
    with pytest.raises(Misuse):
        client.endpoint.send(bytes(client.endpoint.room + 1))
    with pytest.raises(Misuse):
        client.endpoint.consumed(1)
    with pytest.raises(Misuse):
        client.endpoint.connected(1)


def test_a_view_may_be_sent_and_reused() -> None:
    """Bytes read into a scratch buffer are copied by `send`."""
    client, connector = pair = joined()
    scratch = bytearray(b"first")
    client.endpoint.send(memoryview(scratch))
    scratch[:] = b"other"
    settle(pair)
    assert connector.got == b"first"


def test_fifty_dead_wires_do_not_change_the_hash() -> None:
    """8 MB each way while the wire is cut in the middle of a frame every few rounds."""
    client, connector = pair = joined()
    blob = hashlib.shake_128(b"gateway").digest(8_000_000)
    epoch, at = 1, [0, 0]
    while min(len(client.got), len(connector.got)) < len(blob):
        for index, (sender, receiver) in enumerate((pair, pair[::-1])):
            at[index] += sender.send(blob[at[index] : at[index] + 60_000])
            data = sender.endpoint.take(100_000)
            cut = len(data) if (len(client.got) // 1000) % 4 else len(data) // 3
            receiver.receive(data[:cut])
            receiver.consume()
            if cut < len(data):
                epoch += 1
                connect(pair, epoch)
                settle(pair)
    assert epoch > 50
    assert hashlib.sha256(client.got).digest() == hashlib.sha256(blob).digest()
    assert hashlib.sha256(connector.got).digest() == hashlib.sha256(blob).digest()
