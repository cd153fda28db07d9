"""The journal's files: segments `journal-00000001.log` of checksummed frames, and where one stands in them.

A segment starts with a header (magic, bytes per record), then frames: u32 length, u32 CRC-32, payload; a
payload is whole `RECORD`s. Knows the layout and the directory; who writes and who tails is `journal.py`.
"""

from __future__ import annotations

import math
import re
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.measurement import RECORD

HEADER: Final = b"ITMJRN1\n" + struct.pack("<I", RECORD.itemsize)

MAX_PAYLOAD_BYTES: Final = (1 << 20) // RECORD.itemsize * RECORD.itemsize
"""No frame holds more; a length above it is damage."""

_FRAME: Final = struct.Struct("<II")
_NAME: Final = re.compile(r"journal-(\d{8,})\.log")

MAX_FRAME_BYTES: Final = _FRAME.size + MAX_PAYLOAD_BYTES

PRUNED_SHARE: Final = 0.9
"""Of the most that the journal may hold: what is left of it after pruning, so that there is room to write."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the journal: everything before it has been read. `Position()` is the very beginning."""

    segment: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a stretch of a segment holds: whole payloads, where they end, whether damage ended them."""

    payloads: tuple[bytes, ...]
    end: int
    is_damaged: bool


def frames(data: bytes) -> Iterator[bytes]:
    """Return the frames that carry `data` (whole records)."""
    for first in range(0, len(data), MAX_PAYLOAD_BYTES):
        payload = data[first : first + MAX_PAYLOAD_BYTES]
        yield _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def find(data: bytes, at: int) -> Found:
    """Return the whole payloads in `data` from `at` on; a frame that is not all there yet is left."""
    payloads: list[bytes] = []
    while at + _FRAME.size <= len(data):
        length, crc = _FRAME.unpack_from(data, at)
        if length == 0 or length > MAX_PAYLOAD_BYTES or length % RECORD.itemsize:
            return Found(tuple(payloads), at, is_damaged=True)
        end = at + _FRAME.size + length
        if end > len(data):
            break
        payload = data[at + _FRAME.size : end]
        if zlib.crc32(payload) != crc:
            return Found(tuple(payloads), at, is_damaged=True)
        payloads.append(payload)
        at = end
    return Found(tuple(payloads), at, is_damaged=False)


def segment_path(directory: Path, number: int) -> Path:
    """Return the file of a segment."""
    return directory / f"journal-{number:08d}.log"


def segment_numbers(directory: Path) -> list[int]:
    """Return the numbers of the segments that exist, ascending; none when the directory does not exist."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for match in map(_NAME.fullmatch, names) if match)


def journal_bytes(directory: Path) -> int:
    """Return how much all segments hold."""
    return sum(_size(segment_path(directory, number)) for number in segment_numbers(directory))


def prune(
    directory: Path,
    before: Position,
    keep_seconds: float,
    max_bytes: float = math.inf,
    clock: Callable[[], float] = time.time,
) -> int:
    """Remove segments that lie wholly before `before`, oldest first, and return how many went.

    Those go that were last written over `keep_seconds` ago, and those that all segments together are above
    `PRUNED_SHARE` of `max_bytes` with. The segment of `before` itself and all later ones always stay.
    """
    oldest_kept, held = clock() - keep_seconds, journal_bytes(directory)
    gone = 0
    for number in segment_numbers(directory):
        path = segment_path(directory, number)
        is_over = held > PRUNED_SHARE * max_bytes
        if number < before.segment and (is_over or path.stat().st_mtime < oldest_kept):
            held -= path.stat().st_size
            path.unlink()
            gone += 1
    return gone


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # pruned meanwhile
        return 0
