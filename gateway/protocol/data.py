"""The first bytes of a data channel: the connector proves to the POP which `Open` it answers.

`DAT1`, the nonce of the `Open`, and an HMAC-SHA256 over it with the key of the `Open`: 52 bytes. The POP
answers `DAT1` and a u16: 0 to go on, or the number of a close code. From there the bytes are the session's.
A channel may stay silent for `PARK_SECONDS` before its preamble, so that a connector can keep some open in
advance.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from gateway.protocol.codes import CloseCode, from_number
from gateway.protocol.control import NONCE_BYTES
from gateway.protocol.errors import ProtocolError

ALPN = "hdx-dat/1"
MAGIC = b"DAT1"
MAC_BYTES = 32
HELLO_BYTES = len(MAGIC) + NONCE_BYTES + MAC_BYTES
ANSWER_BYTES = len(MAGIC) + 2
PARK_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class DataHello:
    """Which `Open` the channel answers, and the proof; check it with `is_proved`."""

    nonce: bytes
    mac: bytes

    def is_proved(self, key: bytes) -> bool:
        """Whether the sender holds the key of the `Open`."""
        return hmac.compare_digest(self.mac, _mac(key, self.nonce))


def encode_hello(nonce: bytes, key: bytes) -> bytes:
    """Return the connector's 52 bytes."""
    return MAGIC + nonce + _mac(key, nonce)


def parse_hello(data: bytes) -> DataHello | None:
    """Return the hello at the start of `data`, None while it is short.

    Raises `ProtocolError(connector_protocol)`.
    """
    _check_magic(data)
    if len(data) < HELLO_BYTES:
        return None
    return DataHello(data[4 : 4 + NONCE_BYTES], data[4 + NONCE_BYTES : HELLO_BYTES])


def encode_answer(code: CloseCode | None) -> bytes:
    """Return the POP's 6 bytes: None is yes."""
    return MAGIC + (code.number if code else 0).to_bytes(2, "big")


def parse_answer(data: bytes) -> bool:
    """Return whether the POP's yes is complete at the start of `data`; a no is raised as `ProtocolError`."""
    _check_magic(data)
    if len(data) < ANSWER_BYTES:
        return False
    number = int.from_bytes(data[4:ANSWER_BYTES], "big")
    if number:
        raise ProtocolError(from_number(number))
    return True


def _check_magic(data: bytes) -> None:
    if data[:4] != MAGIC[: len(data)]:
        raise ProtocolError(CloseCode.CONNECTOR_PROTOCOL, "not a data channel")


def _mac(key: bytes, nonce: bytes) -> bytes:
    return hmac.digest(key, b"hdx-dat/1 " + nonce, hashlib.sha256)
