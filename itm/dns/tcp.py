"""DNS over TCP (RFC 7766), with a PROXY header before it (`proxy`) or TLS around it (`tls`) where asked for.

`Door` is what all connections of a listener share, `Connection` the asyncio shell of one. An answer lies
ready, so replies go out in the order of the queries: there is none that another one could overtake, but for
one of many messages (a transfer), which is made as the client takes it.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final, cast

from itm.dns.certificate import Certificate
from itm.dns.connections import Connections
from itm.dns.counters import Counters
from itm.dns.framing import Messages, frame
from itm.dns.listen import Listen
from itm.dns.networks import Networks
from itm.dns.proxy import MalformedProxy, Preface
from itm.dns.streams import Streams
from itm.dns.tls import Handshakes, Secured
from itm.dns.turns import Turns

BACKLOG: Final = 256
TURN_BYTES: Final = 65_536
"""A connection's turn also ends when its replies are as large as this: asyncio's high-water mark."""
READ_BYTES: Final = 65_536
"""Read at once; when as much waits for its turn, no more is read."""
SEND_BUFFER_BYTES: Final = 131_072
"""What a client that does not read may leave in the kernel, which doubles it for its bookkeeping."""


Answer = bytes | Generator[bytes] | None
"""One message, many, or none at all."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """What makes a listener one for DNS over TLS."""

    certificate: Certificate
    handshakes: Handshakes


@dataclass(frozen=True, slots=True)
class Door:
    """What the connections of one listener share. `answer` takes a query and its client's address.

    Peers in `proxies` begin with a PROXY header. All connections read into one `buffer`: each one empties it
    before the next one reads.
    """

    answer: Callable[[bytes, str], Answer]
    connections: Connections
    turns: Turns
    streams: Streams
    counters: Counters
    proxies: Networks
    encryption: Encryption | None = None
    buffer: bytearray = field(default_factory=lambda: bytearray(READ_BYTES))


def bind(where: Listen, idle_seconds: float) -> socket.socket:
    """Return a TCP socket that shares its port with other workers. Raises `OSError`.

    The kernel resets a connection whose client has taken nothing for `idle_seconds`.
    """
    sock = socket.create_server(
        (where.host, where.port), family=where.family, backlog=BACKLOG, reuse_port=True
    )
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # inherited by its connections
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(idle_seconds * 1000))
    sock.setblocking(False)
    return sock


async def serve(sock: socket.socket, door: Door) -> asyncio.Server:
    """Accept connections on a socket that `bind` made."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(door), sock=sock, backlog=BACKLOG)


class Connection(asyncio.BufferedProtocol):
    """One client. Idle means: no whole message answered, a half-sent or an unread one is no excuse."""

    __slots__ = (
        "_door",
        "_is_blocked",
        "_is_ended",
        "_is_in_line",
        "_messages",
        "_peer",
        "_preface",
        "_secured",
        "_streams",
        "_transport",
        "client",
        "used_at",
    )

    def __init__(self, door: Door) -> None:
        self.client: bytes | None = None
        self.used_at = 0.0
        self._door = door
        self._messages = Messages()
        self._peer = ""
        self._preface: Preface | None = None  # the PROXY header, until it is complete
        self._secured: Secured | None = None  # TLS, from the first bytes on
        self._is_blocked = False  # the client does not read: answer no more until it does
        self._is_in_line = False  # a turn comes
        self._is_ended = False  # the client sends no more
        self._streams: tuple[Generator[bytes], ...] = ()  # answers of which more messages follow
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place among the others."""
        self._transport = cast("asyncio.Transport", transport)  # of a stream socket
        self._door.connections.add(self)
        name = transport.get_extra_info("peername")
        if name is None:  # it is gone already
            self.drop()
        elif name[0] in self._door.proxies:
            self._peer, self._preface = name[0], Preface()
        else:
            self._know(name[0])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Give the place up."""
        self._door.connections.forget(self)
        self._door.counters.tls_failed += self._secured is not None and not self._secured.is_open
        self._transport = None
        for stream in self._streams:
            stream.close()
        self._streams = ()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        """Return where to read to."""
        return self._door.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take in what came and wait for a turn to answer it."""
        data = bytes(memoryview(self._door.buffer)[:nbytes])
        if self._preface is not None:
            data = self._unwrap(self._preface, data)
        if data and self._door.encryption is not None:
            data = self._decrypt(self._door.encryption, data)
        self._messages.feed(data)
        self._go_on()

    def eof_received(self) -> bool:
        """Finish the answers after the client's end of sending, then close."""
        self._is_ended = True
        return self._is_blocked or self._is_in_line or bool(self._streams)

    def pause_writing(self) -> None:
        """Stop answering and reading: the client takes nothing."""
        self._is_blocked = True
        self._go_on()

    def resume_writing(self) -> None:
        """Go on with what waits."""
        self._is_blocked = False
        self._go_on()

    def take_turn(self, most: int) -> int:
        """Answer at most so many messages; return how many."""
        self._is_in_line = False
        if self._transport is None or self._transport.is_closing() or self._is_blocked:
            return 0
        out, count = self._replies(most)
        if out:
            self._door.connections.touch(self)
            self._send(out)
        self._go_on()
        return count

    def stream(self) -> bool:
        """Send one message of an answer that has many; return whether another can follow now."""
        if self._transport is None or self._transport.is_closing() or self._is_blocked or not self._streams:
            return False
        first, *rest = self._streams
        message = next(first, None)
        if message is None:
            self._streams = tuple(rest)
        else:
            self._streams = (*rest, first)
            self._door.connections.touch(self)
            self._send(frame(message))
        self._go_on()
        return bool(self._streams) and not self._is_blocked

    def drop(self) -> None:
        """Close now, without waiting for a client that does not read."""
        self._door.connections.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def _know(self, peer: str) -> None:
        self._peer = peer
        self._door.connections.count(self, peer)

    def _unwrap(self, preface: Preface, data: bytes) -> bytes:
        """Return what follows the PROXY header, nothing as long as that is not complete."""
        try:
            found = preface.feed(data)
        except MalformedProxy:
            self._door.counters.proxy_malformed += 1
            self.drop()
            return b""
        if found is None:
            return b""
        header, rest = found
        self._preface = None
        if header.source is not None:
            self._know(header.source)
        return rest

    def _decrypt(self, encryption: Encryption, data: bytes) -> bytes:
        """Return the plain bytes; the handshake goes on by the way."""
        if self._secured is None:
            if not encryption.handshakes.take():
                self._door.counters.tls_shed += 1
                self.drop()
                return b""
            self._secured = Secured(encryption.certificate.context)
            self._door.counters.tls_handshakes += 1
        plain = b""
        try:
            plain = self._secured.receive(data)
            self._is_ended |= self._secured.is_ended
        except ssl.SSLError:
            self._messages.is_broken = True
        self._send(b"")
        return plain

    def _send(self, data: bytes | bytearray) -> None:
        """Send plain bytes, and what TLS has to say."""
        if self._secured is not None:
            if data:
                self._secured.send(data)
            data = self._secured.outgoing()
        if data and self._transport is not None:
            self._transport.write(data)

    def _replies(self, most: int) -> tuple[bytearray, int]:
        """Return some framed replies, and of how many messages."""
        out, count = bytearray(), 0
        for packet in itertools.islice(self._messages, most):
            count += 1
            message = self._door.answer(packet, self._peer)
            if message is None:  # no query: nothing good follows
                self._messages.is_broken = True
                break
            if not isinstance(message, bytes):
                self._streams = (*self._streams, message)
                continue
            out += frame(message)
            if len(out) >= TURN_BYTES:
                break
        return out, count

    def _go_on(self) -> None:
        """Line up when there is something to answer, end when nothing comes, read when there is room."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        has_next = self._messages.has_next
        if self._streams and not self._is_blocked:
            self._door.streams.line_up(self)
        if self._messages.is_broken or (self._is_ended and not has_next and not self._streams):
            self._close()
        elif has_next and not self._is_in_line and not self._is_blocked:
            self._is_in_line = True
            self._door.turns.line_up(self)
        if self._is_blocked or len(self._messages) >= READ_BYTES:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def _close(self) -> None:
        """Close as soon as the client has taken what was sent."""
        if self._secured is not None:
            self._secured.end()
            self._send(b"")
        if self._transport is not None:
            self._transport.close()
