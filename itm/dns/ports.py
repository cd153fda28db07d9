"""All sockets of one worker: bound first, which may need privileges; answered on later, which needs none.

Between the two the kernel keeps what comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Final

from itm.dns import tcp, udp
from itm.dns.listen import Listen
from itm.dns.tcp import Door
from itm.dns.wildcard import WildcardSocket

Wrap = Callable[[udp.Socket], udp.Socket]

TRIES: Final = 10
"""For port 0, which the kernel picks for UDP alone: another is tried if TCP has it."""


class Ports:
    """UDP and TCP on every one of `places`, TCP for TLS on every one of `tls_places`."""

    def __init__(
        self, places: Sequence[Listen], tls_places: Sequence[Listen] = (), *, idle_seconds: float
    ) -> None:
        """Bind everything. Raises `OSError`, with nothing left open."""
        self._idle_seconds = idle_seconds
        self._udp: list[socket.socket] = []
        self._tcp: list[socket.socket] = []
        self._tls: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        try:
            for place in places:
                self._open_pair(place)
            for place in tls_places:
                self._tls.append(tcp.bind(place, idle_seconds))
        except OSError:
            self.close()
            raise

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where UDP and TCP listen, in the order of `places`, port 0 resolved."""
        return [sock.getsockname()[:2] for sock in self._udp]

    @property
    def tls_addresses(self) -> list[tuple[str, int]]:
        """Where TLS listens, in the order of `tls_places`."""
        return [sock.getsockname()[:2] for sock in self._tls]

    async def serve_streams(self, tcp_door: Door, tls_door: Door | None) -> None:
        """Begin to answer over TCP and TLS."""
        doors = [(sock, tcp_door) for sock in self._tcp]
        doors += [(sock, tls_door) for sock in self._tls if tls_door is not None]
        for sock, door in doors:
            self._servers.append(await tcp.serve(sock, door))

    def serve_datagrams(self, drain: Callable[[udp.Socket], None], wrap: Wrap) -> None:
        """Have `drain` called whenever a UDP socket, as `wrap` makes it, may have something."""
        for sock in self._udp:
            asyncio.get_running_loop().add_reader(sock, drain, wrap(_source_true(sock)))

    def close(self) -> None:
        """Close everything that accepts; connections stay."""
        for sock in self._udp:
            with contextlib.suppress(RuntimeError):  # no loop runs: nothing was served yet
                asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        for server in self._servers:
            server.close()
        for sock in (*self._tcp, *self._tls):
            sock.close()

    def _open_pair(self, place: Listen) -> None:
        tries = 1 if place.port else TRIES
        while True:
            tries -= 1
            sock = udp.listen(place)
            try:
                port = sock.getsockname()[1]
                self._tcp.append(tcp.bind(Listen(place.host, port), self._idle_seconds))
                self._udp.append(sock)
                return
            except OSError:
                sock.close()
                if not tries:
                    raise


def _source_true(sock: socket.socket) -> udp.Socket:
    is_wildcard = ipaddress.ip_address(sock.getsockname()[0]).is_unspecified
    return WildcardSocket(sock) if is_wildcard else sock
