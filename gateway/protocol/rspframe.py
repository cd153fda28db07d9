"""Frames of the resumable stream, as bytes.

Every frame is a type (u8), the length of its payload (u32) and the payload; DATA has the offset of its first
byte (u64) between length and payload. Numbers are big endian. DATA carries at most 64 KiB, RESUME is 69
bytes, the rest at most 4 KiB. Knows layout only: what a frame means is `rsp.py`'s.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

from gateway.protocol.codes import CloseCode, from_number

RESUME, DATA, ACK, FIN, RST, PING, PONG, NOTICE, WINDOW = range(1, 10)
DATA_BYTES = 65536
"""Most payload of one DATA frame."""
MOST_BYTES = 4096
"""Most payload of any other frame."""
HEADER = struct.Struct(">BI")
DATA_HEADER = struct.Struct(">BIQ")
OFFSET = struct.Struct(">Q")
_FIELDS = struct.Struct(">16sIQQB")
_ACK = struct.Struct(">QQB")
_RST = struct.Struct(">H")
RESUME_BYTES = _FIELDS.size + 32
SIZES = {RESUME: RESUME_BYTES, ACK: _ACK.size, FIN: 8, PING: 8, PONG: 8, WINDOW: 8}
"""Frames of one size only."""
GREETING_BYTES = HEADER.size + RESUME_BYTES
FIN_SEEN, KEYED = 1, 2


@dataclass(frozen=True, slots=True)
class Resume:
    """First frame each way on every wire: which session and wire, what arrived, up to where the peer may
    send.

    `proof` is a public key (when `is_keyed` is false) or an HMAC over `fields`; `fin_seen` says that the
    peer's end of stream arrived and everything before it was consumed.
    """

    session: bytes
    epoch: int
    received: int
    limit: int
    fin_seen: bool
    is_keyed: bool
    proof: bytes = b""

    @property
    def fields(self) -> bytes:
        """The bytes that the proof covers."""
        flags = FIN_SEEN * self.fin_seen | KEYED * self.is_keyed
        return _FIELDS.pack(self.session, self.epoch, self.received, self.limit, flags)


@dataclass(frozen=True, slots=True)
class Notice:
    """A word from the peer's program.

    `kind` says what, `text` carries it, `delay_ms` is how long it can wait.
    """

    kind: str
    text: str = ""
    delay_ms: int = 0


def frame(kind: int, payload: bytes) -> bytes:
    """Return a frame other than DATA."""
    return HEADER.pack(kind, len(payload)) + payload


def parse_resume(payload: bytes) -> Resume:
    """Return the RESUME of a payload of exactly `RESUME_BYTES`."""
    session, epoch, received, limit, flags = _FIELDS.unpack_from(payload)
    return Resume(
        *(session, epoch, received, limit),
        fin_seen=bool(flags & FIN_SEEN),
        is_keyed=bool(flags & KEYED),
        proof=payload[_FIELDS.size :],
    )


def encode_ack(consumed: int, limit: int, fin_seen: bool) -> bytes:
    """Return the ACK frame."""
    return frame(ACK, _ACK.pack(consumed, limit, fin_seen))


def parse_ack(payload: bytes) -> tuple[int, int, bool]:
    """Return consumed offset, limit and whether the end of stream was consumed."""
    consumed, limit, fin_seen = _ACK.unpack(payload)
    return consumed, limit, bool(fin_seen)


def encode_reset(code: CloseCode, text: str) -> bytes:
    """Return the RST frame; the text is cut to 200 bytes."""
    return frame(RST, _RST.pack(code.number) + text.encode()[:200])


def parse_reset(payload: bytes) -> tuple[CloseCode, str]:
    """Return code and text; raises `ValueError` for a payload without a code."""
    if len(payload) < 2:
        raise ValueError("RST without a code")
    return from_number(_RST.unpack_from(payload)[0]), payload[2:202].decode(errors="replace")


def encode_notice(notice: Notice) -> bytes:
    """Return the NOTICE frame; raises `ValueError` when it is longer than a frame may be."""
    fields = {"kind": notice.kind, "text": notice.text, "delay_ms": notice.delay_ms}
    payload = json.dumps(fields, separators=(",", ":")).encode()
    if len(payload) > MOST_BYTES:
        raise ValueError("NOTICE too long")
    return frame(NOTICE, payload)


def parse_notice(payload: bytes) -> Notice:
    """Return the notice; raises `ValueError`."""
    try:
        fields = json.loads(payload.decode())
    except RecursionError:
        raise ValueError("NOTICE nested too deeply") from None
    if not isinstance(fields, dict):
        raise ValueError("NOTICE is not an object")
    kind, text, delay = fields.get("kind"), fields.get("text", ""), fields.get("delay_ms", 0)
    if not isinstance(kind, str) or not isinstance(text, str) or type(delay) is not int or delay < 0:
        raise ValueError("NOTICE fields")
    return Notice(kind, text, delay)
