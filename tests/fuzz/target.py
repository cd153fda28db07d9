"""What a target of the fuzzers is, and how bytes become what a parser takes: pieces, text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.protocol.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Target:
    """A parser and bytes that it takes: where mutation begins."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    promised: tuple[type[Exception], ...] = (ProtocolError,)

    def __call__(self, raw: bytes) -> None:
        """Parse; whatever is not promised comes out."""
        try:
            self.run(raw)
        except self.promised:
            return


def in_pieces(raw: bytes) -> list[bytes]:
    """Cut in pieces whose sizes the bytes themselves choose."""
    pieces, at = [], 0
    while at < len(raw):
        size = 1 + raw[at] % 37
        pieces.append(raw[at : at + size])
        at += size
    return pieces


def text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
