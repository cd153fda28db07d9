"""UDP on `0.0.0.0` or `[::]`: the reply leaves from the address the query came to.

Without that a machine of several addresses answers from the one its route prefers, and resolvers drop
the reply. The kernel tells and takes the address as packet information (Linux ip(7), RFC 3542 6).
"""

from __future__ import annotations

import socket
from typing import Any, Final

IP_PKTINFO: Final = 8  # Linux; not in the socket module before Python 3.14
ANCILLARY_BYTES: Final = socket.CMSG_SPACE(20)  # struct in6_pktinfo is the larger one


class WildcardSocket:
    """A bound UDP socket whose peers are (address, port, how to reply)."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        """Return one datagram and its peer; raises `BlockingIOError` when there is none."""
        packet, ancillary, _, peer = self._sock.recvmsg(size, ANCILLARY_BYTES)
        return packet, (peer[0], peer[1], peer, [_reply(*item) for item in ancillary])

    def sendto(self, data: bytes, address: Any, /) -> int:
        """Send one datagram to such a peer, from the address it wrote to."""
        _, _, peer, ancillary = address
        return self._sock.sendmsg([data], ancillary, 0, peer)


def _reply(level: int, kind: int, data: bytes) -> tuple[int, int, bytes]:
    """Return what to send back: the same packet information, the interface left to the route."""
    if level == socket.IPPROTO_IP:  # in_pktinfo: interface, address to send from, address written to
        return level, kind, bytes(4) + data[8:12] + bytes(4)
    return level, kind, data
