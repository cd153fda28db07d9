"""The PROXY protocol, version 2 (haproxy's proxy-protocol.txt, section 2.2), read without I/O.

A trusted proxy (dnsdist, haproxy) puts a header before what it forwards, to tell whose it is: once per
connection, or before each datagram. Only the source address is used; what follows the addresses (TLVs) is
skipped. A header that is not sound is an error, as the specification wants it: nothing is guessed.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from itm.errors import ItmError

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
FIXED_BYTES: Final = 16  # signature, version and command, family and protocol, length
MAX_BYTES: Final = FIXED_BYTES + 2048
"""Longest header accepted: 36 bytes of addresses, and far more of TLVs than a proxy sends."""
VERSION_2: Final = 0x20
LOCAL, PROXY = 0, 1
UNSPECIFIED, INET, INET6, UNIX = range(4)
STREAM, DATAGRAM = 1, 2
ADDRESSES: Final = {INET: (4, 12), INET6: (16, 36), UNIX: (108, 216)}
"""Bytes of one address, and of both with their ports."""


class MalformedProxy(ItmError):
    """A trusted proxy sent what is no sound header."""


@dataclass(frozen=True, slots=True)
class Header:
    """`length` bytes of header; `source` is the client's address, None where the proxy speaks for itself."""

    length: int
    source: str | None


def parse(data: bytes) -> Header | None:
    """Return the header at the start of `data`, None if more bytes are needed. Raises `MalformedProxy`."""
    if data[:12] != SIGNATURE[: len(data)]:
        raise MalformedProxy("no signature")
    if len(data) < FIXED_BYTES:
        return None
    version, command = data[12] & 0xF0, data[12] & 0x0F
    family, protocol = data[13] >> 4, data[13] & 0x0F
    if version != VERSION_2 or command not in {LOCAL, PROXY}:
        raise MalformedProxy(f"version and command 0x{data[12]:02x}")
    if family > UNIX or protocol > DATAGRAM:
        raise MalformedProxy(f"family and protocol 0x{data[13]:02x}")
    length = FIXED_BYTES + int.from_bytes(data[14:16], "big")
    if length > MAX_BYTES:
        raise MalformedProxy(f"{length} bytes")
    size, least = ADDRESSES.get(family, (0, 0))
    if command == PROXY and length < FIXED_BYTES + least:
        raise MalformedProxy(f"{length} bytes, too few for family {family}")
    if len(data) < length:
        return None
    if command == LOCAL or family not in {INET, INET6}:
        return Header(length, None)
    text = socket.inet_ntop(
        socket.AF_INET if family == INET else socket.AF_INET6, data[FIXED_BYTES : FIXED_BYTES + size]
    )
    return Header(length, text)


class Preface:
    """The header at the start of a connection, from its bytes as they come."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> tuple[Header, bytes] | None:
        """Return the header and the bytes after it once it is complete. Raises `MalformedProxy`."""
        self._buffer += data
        header = parse(self._buffer)
        return None if header is None else (header, self._buffer[header.length :])
