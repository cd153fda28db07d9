"""Padding of replies that travel encrypted, so that their size tells less (RFC 7830, RFC 8467 4.1)."""

from __future__ import annotations

import struct
from typing import Final

from itm.dns.wire import HEADER_BYTES

OPTION: Final = 12
BLOCK_BYTES: Final = 468
MOST_BYTES: Final = 65_535
TYPE_OPT: Final = 41
OPT_FIXED_BYTES: Final = 11  # root name, type, size, flags, length


def pad(message: bytes) -> bytes:
    """Return a reply of ours padded to a multiple of 468 bytes, if its last record is an OPT.

    A reply without one answers a query without EDNS, which must not be padded (RFC 7830 4).
    """
    at = _last_record(message)
    if at < 0 or message[at : at + 3] != b"\0\0\x29":
        return message
    size = len(message) + 4
    size += -size % BLOCK_BYTES
    zeros = min(size, MOST_BYTES) - len(message) - 4
    if zeros < 0:
        return message
    length = len(message) - at - OPT_FIXED_BYTES + 4 + zeros
    option = struct.pack(">HH", OPTION, zeros) + bytes(zeros)
    return message[: at + 9] + length.to_bytes(2, "big") + message[at + OPT_FIXED_BYTES :] + option


def _last_record(message: bytes) -> int:
    """Return where the last record begins, -1 if there is none."""
    questions, *others = struct.unpack_from(">4H", message, 4)
    at, found = HEADER_BYTES, -1
    for _ in range(questions):
        at = _after_name(message, at) + 4
    for _ in range(sum(others)):
        found = at
        at = _after_name(message, at) + 10
        at += int.from_bytes(message[at - 2 : at], "big")
    return found


def _after_name(message: bytes, at: int) -> int:
    while 0 < message[at] < 0xC0:
        at += 1 + message[at]
    return at + (2 if message[at] else 1)
