"""Names of browser sessions below the probe zone: known by their form, told to the edge by who resolved them.

One datagram per resolution to a socket of the state directory, never waiting for its reader: what cannot be
sent is kept for a moment, and dropped and counted when that is full. Addresses are truncated here.

Layout, little endian: 4 bytes `ITMS`, the 26 characters of the session, u8 family (4 or 6) and u64 unit of
the resolver, u8 family (0: none) and u64 unit of the client subnet.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from itm.dns.counters import Counters

SOCKET: Final = "sessions.sock"
"""The socket's name in the state directory."""
LABEL_BYTES: Final = 26
ALPHABET: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz234567")  # RFC 4648 6, in lower case
MAGIC: Final = b"ITMS"
DATAGRAM: Final = struct.Struct("<4s26sBQBQ")
MOST_WAITING: Final = 4096
"""Resolutions that wait in a worker while the reader's queue is full (the kernel's holds 10 to 512)."""

Unit = tuple[int, int]
"""Family 4 or 6, and the number of a /24 or /48."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """One resolution of a session's name; `subnet` is what the resolver said of its client, if anything."""

    session: str
    resolver: Unit
    subnet: Unit | None = None


def session_of(name: bytes, probe_zone: bytes) -> str | None:
    """Return the session whose name this is (both in lower-case wire form), None for any other name."""
    if not probe_zone or name[:1] != b"\x1a" or name[1 + LABEL_BYTES :] != probe_zone:
        return None
    label = name[1 : 1 + LABEL_BYTES]
    return label.decode("ascii") if ALPHABET.issuperset(label) else None


def pack(one: Resolution) -> bytes:
    """Return the datagram."""
    return DATAGRAM.pack(MAGIC, one.session.encode("ascii"), *one.resolver, *(one.subnet or (0, 0)))


def unpack(data: bytes) -> Resolution:
    """Return what a datagram says. Raises `ValueError` for anything else."""
    if len(data) != DATAGRAM.size:
        raise ValueError(f"a resolution has {DATAGRAM.size} bytes, not {len(data)}")
    magic, session, family, unit, subnet_family, subnet_unit = DATAGRAM.unpack(data)
    families = (family, subnet_family)
    if magic != MAGIC or not ALPHABET.issuperset(session) or not {*families} <= {0, 4, 6} or not family:
        raise ValueError("not a resolution of this version")
    subnet = (subnet_family, subnet_unit) if subnet_family else None
    return Resolution(session.decode("ascii"), (family, unit), subnet)


class Teller:
    """Tells the edge of resolutions. One thread; nothing here waits or raises."""

    def __init__(self, state: Path, counters: Counters) -> None:
        self._state = state
        self._counters = counters
        self._waiting: deque[bytes] = deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def tell(self, one: Resolution) -> None:
        """Tell of one resolution now or, while the reader is behind, a little later."""
        if len(self._waiting) >= MOST_WAITING:
            self._counters.sessions_lost += 1
            return
        self._waiting.append(pack(one))
        self.flush()

    def flush(self) -> None:
        """Send what waits; where nobody reads, all of it is lost."""
        if not self._waiting:
            return
        try:
            with reachable(self._state) as path:
                while self._waiting:
                    self._socket.sendto(self._waiting[0], path)
                    self._waiting.popleft()
                    self._counters.sessions_told += 1
        except BlockingIOError:
            return
        except OSError:
            self._counters.sessions_lost += len(self._waiting)
            self._waiting.clear()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@contextlib.contextmanager
def reachable(state: Path) -> Iterator[str]:
    """Give the socket's path inside the block, short enough for a socket however long that of `state` is.

    Such a path has at most 107 bytes (unix(7)). Raises `OSError` where there is no such directory.
    """
    directory = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{SOCKET}"
    finally:
        os.close(directory)
