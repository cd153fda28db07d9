"""The UDP loop: drain a socket, answer, send. All `OSError`s of UDP end here.

One wake of the event loop serves a batch; health is looked at once per batch.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from itm.dns.listen import Listen

BATCH: Final = 64
"""Packets per wake: long enough to spread the event loop's cost, short enough for TCP to live."""
MAX_QUERY_BYTES: Final = 4096
RECEIVE_BUFFER_BYTES: Final = 8 << 20
"""Room for about half a second of full load while the process waits for the processor."""
SO_RCVBUFFORCE: Final = 33


class Socket(Protocol):
    """What the loop needs of a socket; a benchmark puts its stopwatch here."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        """Return one datagram and where it came from; raises `BlockingIOError` when there is none."""

    def sendto(self, data: bytes, address: Any, /) -> int:
        """Send one datagram."""


def listen(where: Listen) -> socket.socket:
    """Return a bound, non-blocking socket that shares its port with other workers. Raises `OSError`."""
    sock = socket.socket(where.family, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if where.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        with contextlib.suppress(PermissionError):  # beyond net.core.rmem_max only for the privileged
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        sock.bind((where.host, where.port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def drain(sock: Socket, answer: Callable[[bytes, str], bytes | None], batch: int = BATCH) -> int:
    """Answer what waits in the socket, at most `batch` packets; returns how many were read.

    A reply that cannot be sent (full buffer, unreachable client) is lost, as UDP may lose it.
    """
    receive, send = sock.recvfrom, sock.sendto
    for count in range(batch):
        try:
            packet, peer = receive(MAX_QUERY_BYTES)
        except BlockingIOError:
            return count
        except OSError:  # an ICMP error of an earlier reply (ECONNREFUSED)
            continue
        message = answer(packet, peer[0])
        # Port 0 cannot be answered; it is what spoofed packets that make servers talk to themselves use.
        if message is not None and peer[1]:
            try:  # noqa: SIM105 - `suppress` costs half a microsecond per packet
                send(message, peer)
            except OSError:
                pass
    return batch
