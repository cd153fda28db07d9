"""UDP through trusted proxies: a datagram of theirs counts as its client's, its reply goes to the proxy.

Only sockets of workers that trust a proxy are wrapped, so others pay nothing.
"""

from __future__ import annotations

from typing import Any

from itm.dns import proxy
from itm.dns.counters import Counters
from itm.dns.networks import Networks
from itm.dns.proxy import MalformedProxy
from itm.dns.udp import Socket


class ProxiedSocket:
    """A socket whose peers are (client's address, port to reply to, peer as the inner socket has it)."""

    def __init__(self, inner: Socket, proxies: Networks, counters: Counters) -> None:
        self._inner, self._proxies, self._counters = inner, proxies, counters

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        """Return one datagram without its header, and its client; an empty one for a malformed header."""
        packet, peer = self._inner.recvfrom(size)
        if peer[0] not in self._proxies:
            return packet, (peer[0], peer[1], peer)
        try:
            header = proxy.parse(packet)
        except MalformedProxy:
            header = None
        if header is None:  # a datagram brings no more bytes
            self._counters.proxy_malformed += 1
            return b"", (peer[0], peer[1], peer)
        return packet[header.length :], (header.source or peer[0], peer[1], peer)

    def sendto(self, data: bytes, address: Any, /) -> int:
        """Send one datagram to the proxy of such a client, without a header."""
        return self._inner.sendto(data, address[2])
