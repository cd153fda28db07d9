"""Named arrays over a pipe between the builder and the child of a step: a length, then the packed bytes."""

from __future__ import annotations

import struct
from typing import IO, Final

from collectors.arrays import ArrayFile, pack, unpack

_LENGTH: Final = struct.Struct("<Q")


def send(stream: IO[bytes], content: ArrayFile) -> None:
    """Write one frame. Raises `OSError` when nobody reads it."""
    data = pack(content)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes], most: int | None = None) -> ArrayFile | None:
    """Read one frame, None at the end. Raises `ArraysError`; `ValueError` for more than `most` bytes."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if most is not None and length > most:
        raise ValueError(f"a frame of {length} bytes, where {most} are expected at most")
    data = stream.read(length)
    return unpack(data) if len(data) == length else None
