"""DNS over TCP (RFC 7766): length-prefixed messages, pipelined, many per connection.

`Messages` is the framing without I/O; `Connection` the asyncio shell; `Connections` the bound on how
many there are: when full, the one idle for longest makes room (RFC 9210 4.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from itm.dns.listen import Listen

BACKLOG: Final = 256
MIN_QUERY_BYTES: Final = 12


class Messages:
    """Bytes in, messages out. `is_broken` after a length that no query has."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.is_broken = False

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


class Connections:
    """All open connections of a worker, the one idle for longest first."""

    def __init__(
        self, answer: Callable[[bytes, str], bytes | None], *, most: int, idle_seconds: float
    ) -> None:
        self.answer = answer
        self.idle_seconds = idle_seconds
        self._most = most
        self._by_idle: OrderedDict[Connection, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_idle)

    def touch(self, connection: Connection) -> None:
        """Note that a connection is new or was useful just now; sheds the idlest when there are too many."""
        self._by_idle[connection] = None
        self._by_idle.move_to_end(connection)
        if len(self._by_idle) > self._most:
            self._by_idle.popitem(last=False)[0].drop()

    def forget(self, connection: Connection) -> None:
        """Note that a connection is gone."""
        self._by_idle.pop(connection, None)

    def drop_all(self) -> None:
        """Close everything."""
        for connection in list(self._by_idle):
            connection.drop()

    async def listen(self, where: Listen) -> asyncio.Server:
        """Accept connections on a port shared with other workers. Raises `OSError`."""
        sock = socket.create_server(
            (where.host, where.port), family=where.family, backlog=BACKLOG, reuse_port=True
        )
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Connection(self), sock=sock)


class Connection(asyncio.Protocol):
    """One client. Idle means: no whole message for `idle_seconds`, a half-sent one is no excuse."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._messages = Messages()
        self._peer = ""
        self._is_blocked = False  # the client does not read: answer no more until it does
        self._is_ended = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._peer = (transport.get_extra_info("peername") or ("",))[0]
            self._useful()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop the clock."""
        self._connections.forget(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every message that is complete."""
        self._messages.feed(data)
        self._answer()

    def eof_received(self) -> bool:
        """Finish the answers after the client's end of sending, then close."""
        self._is_ended = True
        return self._is_blocked

    def pause_writing(self) -> None:
        """Stop answering and reading: the client takes nothing."""
        self._is_blocked = True
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):
                self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with what waits."""
        self._is_blocked = False
        if self._transport is not None and not self._transport.is_closing():
            with contextlib.suppress(RuntimeError):
                self._transport.resume_reading()
        self._answer()
        if self._is_ended and not self._is_blocked and self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """Close now, without waiting for a client that does not read."""
        self._connections.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def _answer(self) -> None:
        transport = self._transport
        if transport is None:
            return
        while not self._is_blocked and not transport.is_closing():
            packet = next(self._messages, None)
            if packet is None:
                break
            message = self._connections.answer(packet, self._peer)
            if message is None:  # not a query: nothing good follows
                transport.close()
                return
            self._useful()
            transport.write(struct.pack(">H", len(message)) + message)
        if self._messages.is_broken:
            transport.close()

    def _useful(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._connections.idle_seconds, self.drop)
        self._connections.touch(self)
