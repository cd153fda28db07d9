"""Accepts on the POP's addresses, shakes hands, and hands each channel to who serves its kind.

Holds no protocol beyond the choice by ALPN. Whatever one connection does, its end is this file's to see
to: the socket closed, the gate left, the reason counted.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from gateway.channel import Channel, tune
from gateway.dial import start_tls
from gateway.errors import ConfigError, GatewayError, Lost, Refused
from gateway.pop.config import Address, Times
from gateway.pop.counters import Counters
from gateway.pop.doors import Doors, is_whole, peek
from gateway.pop.limits import Gate, network_of
from gateway.pop.visit import Visit
from gateway.protocol import control, data
from gateway.protocol.codes import CloseCode

log = logging.getLogger(__name__)

ACCEPTS: Final = 16
"""Connections taken per readiness event: a crowd waits in the kernel, sessions get their turn in between."""
PAUSE_SECONDS: Final = 0.2
"""After running out of descriptors."""
FIRST_LOOK_SECONDS: Final = 0.005


class Served(Protocol):
    """Who serves channels once they are secure."""

    async def client(self, channel: Channel, visit: Visit) -> None:
        """Take over a client's channel."""

    async def control(self, channel: Channel, visit: Visit) -> None:
        """Take over a connector's control channel."""

    async def data(self, channel: Channel, visit: Visit) -> None:
        """Take over a connector's data channel."""

    async def reach(self, channel: Channel, visit: Visit) -> None:
        """Take over a broker's wire into a location."""

    def is_known(self, network: str) -> bool:
        """Whether a connector's control channel comes from this network."""


class Listener:
    """Listening sockets and the connections that are not sessions yet."""

    def __init__(
        self, doors: Doors, served: Served, gate: Gate, times: Times, counters: Counters,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:  # fmt: skip
        self._doors, self._served, self._gate = doors, served, gate
        self._times, self._counters, self._spawn = times, counters, spawn
        self._sockets: list[socket.socket] = []
        self._meetings: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def open(self, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        """Listen; return the addresses (port 0 becomes the real one). `ConfigError` names what failed."""
        for host, port in addresses:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            try:
                sock = socket.create_server((host, port), family=family, backlog=4096)
            except OSError as error:
                raise ConfigError(f"pop.listen: {host}:{port}: {error.strerror or error}") from error
            tune(sock)
            self._sockets.append(sock)
            self._loop.add_reader(sock.fileno(), self._accept, sock)
        return tuple(sock.getsockname()[:2] for sock in self._sockets)

    def close(self) -> None:
        """Stop accepting and cut all that is not a session: half-open ones, control channels."""
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        for meeting in self._meetings:
            meeting.cancel()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, address = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._pause(listening, error)
                return
            self._admit(sock, str(address[0]))

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        self._counters.add("accept_paused")
        log.warning("accept.paused", extra={"reason": error.strerror})
        self._loop.remove_reader(listening.fileno())
        self._loop.call_later(PAUSE_SECONDS, self._go_on, listening)

    def _go_on(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _admit(self, sock: socket.socket, address: str) -> None:
        network = network_of(address)
        if not self._gate.enter(network, is_known=self._served.is_known(network)):
            self._counters.add("refused", "half_open")
            sock.close()
            return
        sock.setblocking(False)
        visit = Visit(address, network, self._gate, self._loop.time)
        meeting = self._spawn(self._meet(Channel(sock, self._loop), visit))
        self._meetings.add(meeting)
        meeting.add_done_callback(self._meetings.discard)

    async def _meet(self, plain: Channel, visit: Visit) -> None:
        """See one connection through to who serves it, and its failures to the counters."""
        channel = plain
        try:
            channel = await self._secure(plain)
            visit.mark("tls")
            await self._dispatch(channel, visit)
        except _TlsFailed as error:
            self._counters.add("refused", str(error.code))
        except GatewayError as error:
            if isinstance(error, Refused):
                self._counters.add("refused", str(error.code))
            log.info("connection.ended", extra={"alpn": channel.alpn, "reason": str(error)})
            channel.close()
        except Exception:
            self._counters.add("refused", str(CloseCode.POP_INTERNAL))
            log.exception("connection.bug")
            channel.close()
        except BaseException:
            channel.close()
            raise
        finally:
            visit.leave()

    async def _secure(self, plain: Channel) -> Channel:
        begun = self._loop.time()
        seconds = self._times.handshake_seconds
        try:
            async with asyncio.timeout(seconds):
                head = await self._hello(plain)
            if not head:  # a look whether anybody is there, as connectors take
                plain.close()
                raise _TlsFailed(CloseCode.CLIENT_GONE)
            left = max(0.001, seconds - (self._loop.time() - begun))
            return await start_tls(plain, self._doors.context_for(head), seconds=left)
        except TimeoutError:
            plain.close()
            raise _TlsFailed(CloseCode.CLIENT_HANDSHAKE_TIMEOUT) from None
        except Lost as error:
            plain.close()
            is_late = isinstance(error.__cause__, TimeoutError)
            raise _TlsFailed(
                CloseCode.CLIENT_HANDSHAKE_TIMEOUT if is_late else CloseCode.CLIENT_TLS
            ) from error

    async def _hello(self, plain: Channel) -> bytes:
        """Return the ClientHello, still unread; a client that dribbles is looked at ever more seldom."""
        pause = FIRST_LOOK_SECONDS
        while True:
            try:
                head = peek(plain.sock)
            except BlockingIOError:
                await plain.readable()
                continue
            except OSError as error:
                raise Lost(str(error)) from error
            if is_whole(head):
                return head
            await asyncio.sleep(pause)
            pause *= 2

    async def _dispatch(self, channel: Channel, visit: Visit) -> None:
        if channel.alpn == control.ALPN:
            await self._served.control(channel, visit)
        elif channel.alpn == data.ALPN:
            await self._served.data(channel, visit)
        elif channel.alpn == control.REACH_ALPN:
            await self._served.reach(channel, visit)
        else:
            await self._served.client(channel, visit)


class _TlsFailed(Exception):
    """The connection never became secure; the channel is closed."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.text)
        self.code = code
