"""DNS messages in a stream, each after its length of two bytes (RFC 1035 4.2.2), without I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MIN_QUERY_BYTES: Final = 12


class Messages:
    """Bytes in, messages out. `is_broken` after a length that no query has."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.is_broken = False

    @property
    def has_next(self) -> bool:
        """Whether a whole message waits, or what shows that the stream is broken."""
        buffer = self._buffer
        if len(buffer) < 2 or self.is_broken:
            return False
        length = buffer[0] << 8 | buffer[1]
        return length < MIN_QUERY_BYTES or len(buffer) >= 2 + length

    def __len__(self) -> int:
        """How many bytes wait."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._buffer += data

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        buffer = self._buffer
        if len(buffer) < 2 or self.is_broken:
            raise StopIteration
        length = buffer[0] << 8 | buffer[1]
        if length < MIN_QUERY_BYTES:
            self.is_broken = True
            raise StopIteration
        if len(buffer) < 2 + length:
            raise StopIteration
        message = bytes(buffer[2 : 2 + length])
        del buffer[: 2 + length]
        return message


def frame(message: bytes) -> bytes:
    """Return a message with its length before it."""
    return len(message).to_bytes(2, "big") + message
