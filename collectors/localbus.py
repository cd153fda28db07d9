"""The bus between processes of one machine: a Unix socket in the state directory.

Frames in both directions: u32 length, then a delta, or an acknowledgment as JSON. The builder listens and
tells every acknowledgment to all; whom it does not concern overhears it. Either end may die at any moment:
the other finds its connection closed, and what was under way is sent again by who kept it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collectors.bus import Ack, Mark
from collectors.errors import BusLost
from collectors.segments import Position

FILE: Final = "deltas.sock"

MAX_FRAME_BYTES: Final = 256 << 20
"""A delta of the most records a collector takes at a time is a tenth of this."""

PATIENCE_SECONDS: Final = 1.0
"""How long either end waits within a frame before it turns to other work; the frame goes on later."""

_LENGTH: Final = struct.Struct("<I")
_CHUNK: Final = 1 << 20


class LocalSender:
    """A collector's end. Connects when something is to be sent, again and again if need be."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._unsent = memoryview(b"")
        self._frames = _Frames()

    def send(self, message: bytes) -> bool:
        """Hand over a delta; see `bus.Sender`."""
        connection = self._socket or self._connect()
        if not self._flush(connection):
            return False
        self._unsent = memoryview(_LENGTH.pack(len(message)) + message)
        self._flush(connection)
        return True

    def acknowledged(self) -> Ack | None:
        """Return the next acknowledgment; see `bus.Sender`. Raises `BusLost`."""
        if self._socket is None:
            return None
        self._flush(self._socket)
        if self._frames.read(self._socket):
            self._lose("the builder closed the connection")
        frame = self._frames.next()
        return None if frame is None else _ack(frame)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._unsent, self._frames = memoryview(b""), _Frames()

    def _connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _reachable(self._path) as name:
                made.connect(name)
        except OSError as error:
            made.close()
            raise BusLost(f"{self._path}: {error.strerror}") from error
        made.setblocking(False)
        self._socket = made
        return made

    def _flush(self, connection: socket.socket) -> bool:
        """Send what is left of the frame under way; return whether all of it is out."""
        while self._unsent:
            if not select.select([], [connection], [], PATIENCE_SECONDS)[1]:
                return False
            try:
                self._unsent = self._unsent[connection.send(self._unsent) :]
            except BlockingIOError:
                return False
            except OSError as error:
                self._lose(str(error.strerror))
        return True

    def _lose(self, why: str) -> None:
        self.close()
        raise BusLost(f"{self._path}: {why}")


class LocalReceiver:
    """The builder's end: listens from the moment it is made."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)  # of a builder that was killed; two never share a state directory
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _reachable(path) as name:
            self._listening.bind(name)
        path.chmod(0o600)
        self._listening.listen(8)
        self._listening.setblocking(False)
        self._peers: dict[socket.socket, _Frames] = {}

    def receive(self) -> bytes | None:
        """Return the next delta; see `bus.Receiver`."""
        while True:
            self._accept()
            for frames in self._peers.values():
                frame = frames.next()
                if frame is not None:
                    return frame
            inside = any(frames.is_inside for frames in self._peers.values())
            ready = select.select(list(self._peers), [], [], PATIENCE_SECONDS if inside else 0)[0]
            if not ready:
                return None
            for peer in ready:
                if self._peers[peer].read(peer):
                    self._drop(peer)

    def ack(self, ack: Ack) -> None:
        """Tell every collector that is connected."""
        counted = ack.counted
        text = {
            "collector": ack.collector,
            "sequence": counted.sequence,
            "segment": counted.position.segment,
            "offset": counted.position.offset,
            "durable": ack.durable,
        }
        frame = json.dumps(text).encode()
        for peer in list(self._peers):
            try:
                peer.sendall(_LENGTH.pack(len(frame)) + frame)
            except OSError:  # gone, or it has not listened for thousands of acknowledgments
                self._drop(peer)

    def close(self) -> None:
        """Close every connection and stop listening."""
        for peer in list(self._peers):
            self._drop(peer)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                peer, _ = self._listening.accept()
                peer.setblocking(False)
                self._peers[peer] = _Frames()

    def _drop(self, peer: socket.socket) -> None:
        del self._peers[peer]
        peer.close()


class _Frames:
    """Cuts what a socket says into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._whole: deque[bytes] = deque()

    @property
    def is_inside(self) -> bool:
        """Whether part of a frame has come."""
        return len(self._buffer) > 0

    def next(self) -> bytes | None:
        """Return the next whole frame."""
        return self._whole.popleft() if self._whole else None

    def read(self, peer: socket.socket) -> bool:
        """Read what is there; return whether the peer is gone, or sends what no peer of ours would."""
        try:
            data = peer.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME_BYTES:
                return True
            if len(self._buffer) < _LENGTH.size + length:
                break
            self._whole.append(bytes(self._buffer[_LENGTH.size : _LENGTH.size + length]))
            del self._buffer[: _LENGTH.size + length]
        return not data and not self._whole


def _ack(frame: bytes) -> Ack:
    text = json.loads(frame)
    mark = Mark(text["sequence"], Position(text["segment"], text["offset"]))
    return Ack(text["collector"], mark, text["durable"])


@contextlib.contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Name a socket by its directory's descriptor: an address has room for 107 bytes, a path for more."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
