from __future__ import annotations

from typing import Any

import pytest

from itm.dns.counters import Counters
from itm.dns.networks import Networks
from itm.dns.proxied import ProxiedSocket
from tests.itm.dns.test_proxy import bare, header

PROXY = ("192.0.2.53", 4000)


class Inner:
    """A socket with one datagram."""

    def __init__(self, packet: bytes, peer: tuple[str, int]) -> None:
        self._item = packet, peer
        self.sent: list[tuple[bytes, Any]] = []

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        return self._item

    def sendto(self, data: bytes, address: Any, /) -> int:
        self.sent.append((data, address))
        return len(data)


@pytest.mark.parametrize(
    ("wire", "peer", "packet", "client", "malformed"),
    [
        (header("2001:db8::7") + b"query", PROXY, b"query", "2001:db8::7", 0),
        (bare(0x20, 0) + b"query", PROXY, b"query", PROXY[0], 0),
        (b"query", PROXY, b"", PROXY[0], 1),
        (header()[:-1], PROXY, b"", PROXY[0], 1),
        (header() + b"query", ("198.51.100.1", 4000), header() + b"query", "198.51.100.1", 0),
    ],
)
def test_whose_a_datagram_is(
    wire: bytes, peer: tuple[str, int], packet: bytes, client: str, malformed: int
) -> None:
    """A proxy must say; from others a header is no header. Replies go back where the datagram came from."""
    inner, counters = Inner(wire, peer), Counters()
    sock = ProxiedSocket(inner, Networks(("192.0.2.53/32",), "dns.proxy_from"), counters)
    found, address = sock.recvfrom(4096)
    assert (found, address[:2], counters.proxy_malformed) == (packet, (client, 4000), malformed)
    sock.sendto(b"reply", address)
    assert inner.sent == [(b"reply", peer)]
