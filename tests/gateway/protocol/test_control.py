"""Frames of the control channels."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import control
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import FrameReader, decode, encode
from gateway.protocol.errors import ProtocolError

OPEN = control.Open(
    nonce=bytes(range(16)),
    key=bytes(range(32)),
    session="0123456789abcdef" * 2,
    location="loc",
    host="10.0.0.5",
    port=22,
    pop=("192.0.2.1:443", "192.0.2.2:443"),
    pop_name="gw.example.net",
    deadline_ms=3000,
)
FRAMES: tuple[control.Frame, ...] = (
    control.Hello("connector", "c1", location="loc", sessions=3, capacity=1000),
    control.Hello("pop", "p1", addresses=("192.0.2.1:443",)),
    control.Welcome("p1"),
    OPEN,
    control.Opened(OPEN.nonce, 3, 4),
    control.Refused(OPEN.nonce, CloseCode.VDA_REFUSED, "no"),
    control.Cancel(OPEN.nonce),
    control.Load(1, 2, draining=True),
    control.Ping(1),
    control.Pong(1),
    control.Drain(600),
    control.Announce("c1", "loc", 1, 2),
    control.Withdraw("c1"),
    control.End(OPEN.session, CloseCode.BROKER_ENDED),
    control.Reach(OPEN.session, "acme", "loc", "dc1.corp", 636, 60, 300),
)


@given(st.integers(1, 700))
def test_every_frame_comes_back_however_it_is_cut(size: int) -> None:
    """Encode, cut, decode."""
    wire = b"".join(map(encode, FRAMES))
    reader = FrameReader(CloseCode.CONNECTOR_PROTOCOL)
    back = [frame for at in range(0, len(wire), size) for frame in reader.receive(wire[at : at + size])]
    assert tuple(back) == FRAMES


def test_the_layout_is_length_and_json() -> None:
    """As docs/protocol.md says."""
    wire = encode(control.Refused(b"\1" * 16, CloseCode.VDA_REFUSED))
    assert int.from_bytes(wire[:4], "big") == len(wire) - 4
    assert json.loads(wire[4:]) == {"type": "refused", "nonce": "01" * 16, "code": "vda_refused", "text": ""}


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(encode(OPEN)[4:]), **fields}).encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "object"),
        (b"nonsense", "Expecting"),
        (b"\xff\xfe", "codec"),
        (b'{"type":"explode"}', "type"),
        (b'{"type":["open"]}', "type"),
        (b'{"type":"ping"}', "missing"),
        (b'{"type":"ping","token":1,"x":1}', "unknown"),
        (b'{"type":"ping","token":-1}', "token"),
        (b'{"type":"ping","token":1.5}', "token"),
        (b'{"type":"ping","token":true}', "token"),
        (b'{"type":"load","sessions":1,"capacity":1,"draining":1}', "draining"),
        (changed(port=0), "port"),
        (changed(port=65536), "port"),
        (changed(nonce="00"), "nonce"),
        (changed(nonce="zz"), "hexadecimal"),
        (changed(key=""), "key"),
        (changed(session="0" * 31 + "A"), "session"),
        (changed(mode="odd"), "mode"),
        (changed(epoch=0), "epoch"),
        (changed(pop=[]), "pop"),
        (changed(pop=["x"] * 65), "pop"),
        (changed(pop=[1]), "pop"),
        (changed(host=""), "host"),
        (changed(host="h" * 5000), "host"),
    ],
)
def test_decoding_is_strict(body: bytes, reason: str) -> None:
    """The error names what is wrong, and blames the peer."""
    with pytest.raises(ValueError, match=reason):
        decode(body)
    with pytest.raises(ProtocolError) as refused:
        FrameReader(CloseCode.CONNECTOR_PROTOCOL).receive(len(body).to_bytes(4, "big") + body)
    assert refused.value.code is CloseCode.CONNECTOR_PROTOCOL


def test_frames_are_bounded() -> None:
    """A length beyond 64 KiB is refused before a byte of it is kept; nesting does not exhaust the stack."""
    for wire in (b"\x00\x01\x00\x01", b"\x00\x00\xff\xff" + b"[" * 65535):
        with pytest.raises(ProtocolError):
            FrameReader(CloseCode.POP_OTHER).receive(wire)


@given(st.binary(max_size=300))
def test_rubbish_never_crashes(wire: bytes) -> None:
    """Any bytes give frames or the peer's error."""
    with contextlib.suppress(ProtocolError):
        FrameReader(CloseCode.POP_OTHER).receive(len(wire).to_bytes(4, "big") + wire)
    with contextlib.suppress(ProtocolError):
        FrameReader(CloseCode.POP_OTHER).receive(wire)
