"""Where a request comes from: the peer, or the client that a trusted proxy names.

`X-Forwarded-For` is written by whoever comes first; only what our own proxies appended can be believed. So
it is read from the right, past trusted addresses, to the first that is not ours. Knows no HTTP server.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from collectors.errors import OriginError
from collectors.limits import shown

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Origin:
    """Finds client addresses. `trusted`: the proxies' prefixes (`10.0.0.0/8`); `ValueError` on a bad one."""

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = tuple(ipaddress.ip_network(prefix.strip()) for prefix in trusted)

    def client(self, peer: str, forwarded_for: Sequence[str] = ()) -> Address:
        """Return the client's address for a connection from `peer`.

        `forwarded_for` holds the values of all `X-Forwarded-For` lines, in order; believed only when the peer
        is trusted. When every address is trusted, the leftmost is the client. Raises `OriginError` when what
        the trusted proxies wrote holds something that is no address, and `ValueError` if `peer` is none.
        """
        address = parse_address(peer)
        hops = [hop for line in forwarded_for for hop in line.split(",") if hop.strip()]
        while hops and self.is_trusted(address):
            hop = hops.pop().strip()
            try:
                address = parse_address(hop)
            except ValueError:
                raise OriginError(f"X-Forwarded-For: {shown(hop)} is no address") from None
        return address

    def is_trusted(self, address: Address) -> bool:
        """Tell whether this is one of our own proxies."""
        return any(address.version == prefix.version and address in prefix for prefix in self._trusted)


def parse_address(text: str) -> Address:
    """Return the address of `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]:567`.

    A v4-mapped IPv6 address is the IPv4 address it stands for. Raises `ValueError`.
    """
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
