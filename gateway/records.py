"""Cuts what goes out into pieces that fill TLS records, copying only what crosses from one part to the next.

A frame's header must not become a record of its own (a system call and 22 bytes more), and joining it with
its 64 KiB copies them all: here three quarters of a full frame go out from where they lie.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

RECORD_BYTES: Final = 16_384
"""Most payload of one TLS record (RFC 8446, 5.1)."""

Part = bytes | bytearray | memoryview


def records(parts: Iterable[Part]) -> list[memoryview]:
    """Return the same bytes in the same order: every piece but the last is a multiple of a record."""
    pieces: list[memoryview] = []
    begun: list[Part] = []
    size = 0
    for part in parts:
        view = memoryview(part)
        if size:
            fill = view[: RECORD_BYTES - size]
            begun.append(fill)
            size += len(fill)
            if size < RECORD_BYTES:
                continue
            pieces.append(memoryview(b"".join(begun)))
            view = view[len(fill) :]
        whole = len(view) // RECORD_BYTES * RECORD_BYTES
        if whole:
            pieces.append(view[:whole])
        begun, size = [view[whole:]], len(view) - whole
    if size:
        pieces.append(memoryview(b"".join(begun)))
    return pieces
