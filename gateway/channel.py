"""One non-blocking socket, TLS or plain TCP, in one event loop.

The pump and RSP endpoints use the plain calls (`receive`, `transmit`, `watch_*`); preambles and control
channels the awaitable ones (`read`, `write`). Both work on the same `SSLSocket`, so nothing is handed
over between them; asyncio's own TLS is not used, it keeps 256 KiB per connection. A clean end
(close_notify, FIN) reads as the end of the data; TLS that ends without close_notify is a loss, like a
reset. How a channel is opened stands in `gateway.dial`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gateway.errors import Lost
from gateway.readiness import readiness

CHUNK_BYTES: Final = 65_536
"""The largest single read, so the most that a direction holds while its reader is slow."""
EMPTY: Final = (BlockingIOError, ssl.SSLWantReadError)
"""Raised by `receive` when nothing is there yet."""
FULL: Final = (BlockingIOError, ssl.SSLWantWriteError)
"""Raised by `transmit` when the kernel takes no more; offer the same bytes (or more) again."""
BACKLOG_BYTES: Final = 131_072
"""Unsent bytes that the kernel may keep for a slow reader, so that a screen is not seconds old."""
KEEP_ALIVE: Final = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""A peer that is gone is noticed within a minute. No TCP_USER_TIMEOUT: Linux would also cut a reader
whose window stays shut that long, and a slow reader is not a dead one."""
_RTT_OFFSET: Final = 68
"""Of `tcpi_rtt` (µs, u32) in `struct tcp_info`, linux/tcp.h."""
_SENT_OFFSET: Final = 44
"""Of `tcpi_last_data_sent` (ms ago, u32)."""
_LIMITED_OFFSET: Final = 7
"""Of `tcpi_delivery_rate_app_limited` (bit 0)."""
_ACKED_OFFSET: Final = 120
"""Of `tcpi_bytes_acked` (u64)."""
_RATE_OFFSET: Final = 160
"""Of `tcpi_delivery_rate` (bytes per second, u64; Linux 4.9)."""


def tune(sock: socket.socket, *, unsent_bytes: int = 0) -> None:
    """Make a TCP socket non-blocking, prompt and watched; accepted ones inherit it from their listener.

    `unsent_bytes` bounds what the kernel hides from the start (`limit_backlog` does it when it is slow).
    """
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in KEEP_ALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    if unsent_bytes:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, unsent_bytes)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the kernel says of the bytes that went out: how many the peer has, how fast the last of them went.

    `is_path_limited`: the rate is that of path and peer, not of a sender that had no more to send.
    """

    acked_bytes: int
    kbps: float
    is_path_limited: bool


class Channel:
    """A connected socket; `sock` is a non-blocking `SSLSocket` (ragged ends not suppressed) or plain.

    `receive(view)` returns how many bytes it put there, 0 at the clean end (TLS that we finished before:
    it raises `SSLZeroReturnError` for it); `transmit(data)` how many it took, TLS one record at most.
    Besides `EMPTY` and `FULL` they raise `OSError`, once closed here `ValueError`: the channel is lost.
    """

    __slots__ = (
        "_alert", "_fd", "_is_limited", "_loop", "_readiness", "_waiting",
        "early", "is_secure", "receive", "sock", "transmit",
    )  # fmt: skip

    receive: Callable[[memoryview], Any]  # int; typeshed has bytes for a read into a buffer
    transmit: Callable[[bytes | memoryview], int]

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.sock, self._loop, self._fd = sock, loop, sock.fileno()
        self._readiness = readiness(loop)
        self._is_limited = False
        self.early = b""
        """Bytes already read (behind a preamble) that go before those of `receive`."""
        self._alert: bytes | None = None
        """What is left to send of our close_notify (b"": all was, or TCP's FIN stands for it)."""
        self._waiting: tuple[asyncio.Future[None], ...] = ()
        self.is_secure = isinstance(sock, ssl.SSLSocket)
        if isinstance(sock, ssl.SSLSocket):
            self.receive, self.transmit = partial(sock.read, CHUNK_BYTES), sock.write
        else:
            self.receive, self.transmit = sock.recv_into, sock.send

    def __repr__(self) -> str:
        kind = "tls" if self.is_secure else "tcp"
        return f"<Channel {kind} fd={self._fd}{' closed' if self.is_closed else ''}>"

    @property
    def is_closed(self) -> bool:
        """True after `close` or `abort`."""
        return self.sock.fileno() < 0

    @property
    def alpn(self) -> str:
        """The protocol that the TLS handshake agreed on, or "" (none, or plain TCP)."""
        return (self.sock.selected_alpn_protocol() or "") if isinstance(self.sock, ssl.SSLSocket) else ""

    @property
    def peer(self) -> tuple[str, int]:
        """The other end's address and port; ("", 0) when it is gone."""
        with contextlib.suppress(OSError):
            return self.sock.getpeername()[:2]  # type: ignore[no-any-return]
        return ("", 0)

    def peer_certificate(self) -> dict[str, Any] | None:
        """Return the verified certificate as `SSLSocket.getpeercert` does, None if there is none."""
        return self.sock.getpeercert() if isinstance(self.sock, ssl.SSLSocket) else None

    def rtt_ms(self, *, within_seconds: float = math.inf) -> float:
        """Return the kernel's smoothed round-trip time (TCP_INFO), NaN when the socket is gone.

        NaN also when nothing was sent for longer than `within_seconds`: the time is an old one then.
        """
        try:
            info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RTT_OFFSET + 4)
        except OSError:
            return float("nan")
        sent_ms_ago, rtt_us = (struct.unpack_from("=I", info, at)[0] for at in (_SENT_OFFSET, _RTT_OFFSET))
        return float("nan") if sent_ms_ago > within_seconds * 1000 else rtt_us / 1000

    def delivery(self) -> Delivery | None:
        """Return how fast the peer takes bytes (TCP_INFO, Cheng et al., delivery rate estimation).

        None when the socket is gone, or the kernel does not say.
        """
        try:
            info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RATE_OFFSET + 8)
        except OSError:
            return None
        if len(info) < _RATE_OFFSET + 8:
            return None
        acked, rate = (struct.unpack_from("=Q", info, at)[0] for at in (_ACKED_OFFSET, _RATE_OFFSET))
        return Delivery(acked, rate * 8 / 1000, rate > 0 and not info[_LIMITED_OFFSET] & 1)

    def pending(self) -> int:
        """Return how many decrypted bytes wait where the event loop cannot see them."""
        return self.sock.pending() if isinstance(self.sock, ssl.SSLSocket) else 0

    def watch_read(self, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the kernel has bytes, until `unwatch_read`."""
        self._readiness.watch_read(self._fd, ready)

    def unwatch_read(self) -> None:
        """Stop reading: the kernel's buffer fills and the sender stops."""
        self._readiness.unwatch_read(self._fd)

    def watch_write(self, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the kernel takes bytes, until `unwatch_write`."""
        self._readiness.watch_write(self._fd, ready)

    def unwatch_write(self) -> None:
        """Stop waiting for room."""
        self._readiness.unwatch_write(self._fd)

    def limit_backlog(self) -> None:
        """Have the kernel refuse bytes beyond `BACKLOG_BYTES` unsent (TCP_NOTSENT_LOWAT).

        Not from the start: for a fast reader it only means more wake-ups (+35 % CPU per GB on loopback).
        """
        if not self._is_limited:
            self._is_limited = True
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, BACKLOG_BYTES)

    async def read(self, limit: int = CHUNK_BYTES) -> bytes:
        """Return 1 to `limit` bytes, b"" at the clean end; `Lost` when the connection broke."""
        if self.early:
            data, self.early = self.early[:limit], self.early[limit:]
            return data
        buffer = memoryview(bytearray(limit))
        while True:
            try:
                return bytes(buffer[: self.receive(buffer)])
            except EMPTY:
                await self.readable()
            except ssl.SSLZeroReturnError:
                return b""
            except (OSError, ValueError) as error:  # ValueError: the SSLSocket was closed here
                raise Lost(f"reading: {error}") from error

    async def read_exactly(self, count: int) -> bytes:
        """Return `count` bytes; `Lost` when the data ends before."""
        data = b""
        while len(data) < count:
            more = await self.read(count - len(data))
            if not more:
                raise Lost(f"the peer ended after {len(data)} of {count} bytes")
            data += more
        return data

    async def write(self, data: bytes) -> None:
        """Hand all of `data` to the kernel; `Lost` when the connection broke.

        Only one writer at a time. A cancelled write leaves a torn stream: close the channel.
        """
        view = memoryview(data)
        while view:
            try:
                view = view[self.transmit(view) :]
            except FULL:
                await self.writable()
            except (OSError, ValueError) as error:
                raise Lost(f"writing: {error}") from error

    async def readable(self) -> None:
        """Wait until the kernel has bytes; `Lost` when the channel is closed here meanwhile."""
        await self._ready(self.watch_read, self.unwatch_read)

    async def writable(self) -> None:
        """Wait until the kernel has room; `Lost` when the channel is closed here meanwhile."""
        await self._ready(self.watch_write, self.unwatch_write)

    async def _ready(self, watch: Callable[[Callable[[], None]], None], unwatch: Callable[[], None]) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        if not self.is_closed:
            watch(partial(_wake, ready, unwatch))
            self._waiting += (ready,)
            try:
                await ready
            finally:
                self._waiting = tuple(other for other in self._waiting if other is not ready)
                if not self.is_closed:
                    unwatch()
        if self.is_closed:
            raise Lost("the channel was closed here")

    def finish(self) -> bool:
        """End our direction (close_notify, FIN); the other stays open. All writes must be done.

        Returns False while the kernel has no room for the alert: call again when it is writable.
        """
        if self._alert is None and not self.is_closed:
            self._alert = b""
            with contextlib.suppress(OSError):
                self._begin_finish()
        if self._alert and not self.is_closed:
            try:
                self._alert = self._alert[os.write(self._fd, self._alert) :]
            except BlockingIOError:
                return False
            except OSError:
                self._alert = b""
        return not self._alert

    def _begin_finish(self) -> None:
        if not isinstance(self.sock, ssl.SSLSocket):
            self.sock.shutdown(socket.SHUT_WR)
        else:
            self.early += self.sock.read(waiting) if (waiting := self.sock.pending()) else b""
            self._alert = _close_notify(self.sock)

    async def farewell(self, *, seconds: float = 1.0) -> None:
        """Finish, let the peer read what was sent, close: closing over unread input would reset it away."""
        with contextlib.suppress(Lost, TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.finish():
                    await self.writable()
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self.sock, socket.SHUT_WR)
                for _ in range(16):
                    if not await self.read():
                        break
        self.close()

    def close(self) -> None:
        """Close at once. TLS that was not finished ends without close_notify: the peer sees a loss."""
        if not self.is_closed:
            self._readiness.forget(self._fd)
            self.sock.close()
            for waiting in self._waiting:
                _resolve(waiting)

    def abort(self) -> None:
        """Reset the connection: what the kernel still holds is thrown away."""
        if not self.is_closed:
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()


def _wake(ready: asyncio.Future[None], unwatch: Callable[[], None]) -> None:
    """Called once: the bytes stay where they are until the waiting task runs, and readiness with them."""
    unwatch()
    _resolve(ready)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _close_notify(sock: ssl.SSLSocket) -> bytes:
    """Return the close_notify alert to send, and read nothing.

    `unwrap` calls SSL_shutdown twice, and the second call fails for good if application data is waiting.
    So a socket pair takes the descriptor's place meanwhile: it has nothing to read and catches the alert.
    The epoll registration belongs to the open file, which `kept` keeps alive.
    """
    fd = sock.fileno()
    inner, outer = socket.socketpair()
    with inner, outer:
        inner.setblocking(False)
        outer.setblocking(False)
        kept = os.dup(fd)
        try:
            os.dup2(inner.fileno(), fd, inheritable=False)
            with contextlib.suppress(ssl.SSLWantReadError):
                sock.unwrap()
        finally:
            os.dup2(kept, fd, inheritable=False)
            os.close(kept)
        return outer.recv(1024)
