"""Clients that hold on to what they get: those that never finish their handshake, those that never read."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl

from bench.gateway import clients
from bench.gateway.stand import Stand

HELLO_BEGUN = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""The first bytes of a ClientHello of 512."""


class HalfOpen:
    """Connections from `networks` addresses of loopback: a third silent, a third with a torn ClientHello, a
    third that sends one more byte of it at every `dribble` (slow-loris).
    """

    def __init__(self, port: int, count: int, *, networks: int) -> None:
        self._sockets = [self._dial(port, number, networks) for number in range(count)]

    @property
    def standing(self) -> int:
        """How many the POP has not closed."""
        poll = select.poll()
        for sock in self._sockets:
            poll.register(sock, select.POLLIN | select.POLLRDHUP)
        return len(self._sockets) - len(poll.poll(0))

    def dribble(self) -> None:
        """Send one byte more, where somebody still listens."""
        for sock in self._sockets[2::3]:
            with contextlib.suppress(OSError):
                sock.send(b"\x00")

    def close(self) -> None:
        """Go away."""
        for sock in self._sockets:
            sock.close()

    def _dial(self, port: int, number: int, networks: int) -> socket.socket:
        sock = socket.socket()
        network = number % networks
        sock.bind((f"127.9.{network // 250}.{1 + network % 250}", 0))
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        if number % 3:
            with contextlib.suppress(OSError):
                sock.send(HELLO_BEGUN)
        return sock


class Stalled:
    """Sessions whose VDA sends as fast as it can to a client that never reads; every second one resumable."""

    def __init__(self, made: Stand, count: int) -> None:
        self.sessions: list[ssl.SSLSocket | clients.Resumable] = []
        for number, ticket in enumerate(made.tickets(count)):
            way = clients.Resumable if number % 2 else clients.socks5
            session = way(made.port(), ticket)
            session.sendall(b"d")
            self.sessions.append(session)

    def close(self) -> None:
        """Go away."""
        for session in self.sessions:
            session.close()
