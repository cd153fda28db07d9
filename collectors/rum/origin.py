"""Where a request comes from: the peer, or the client that a trusted proxy names.

`X-Forwarded-For` is written by whoever comes first; only what our own proxies appended can be believed. So
it is read from the right, past trusted addresses, to the first that is not ours. Knows no HTTP server.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from collectors.errors import OriginError
from collectors.limits import shown

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Origin:
    """Finds client addresses. `trusted`: the proxies' prefixes (`10.0.0.0/8`); `ValueError` on a bad one."""

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        prefixes = [ipaddress.ip_network(prefix.strip()) for prefix in trusted]
        self._trusted = tuple((p.version, int(p.netmask), int(p.network_address)) for p in prefixes)

    def client(self, peer: str, forwarded_for: Sequence[str] = ()) -> Address:
        """Return the client's address for a connection from `peer`.

        `forwarded_for` holds the values of all `X-Forwarded-For` lines, in order; believed only when the peer
        is trusted. When every address is trusted, the leftmost is the client. Raises `OriginError` when what
        the trusted proxies wrote holds something that is no address, and `ValueError` if `peer` is none.
        """
        address = parse_address(peer)
        if not forwarded_for or not self.is_trusted(address):
            return address
        hops = [hop for line in forwarded_for for hop in line.split(",") if hop.strip()]
        while hops:
            hop = hops.pop().strip()
            try:
                address = parse_address(hop)
            except ValueError:
                raise OriginError(f"X-Forwarded-For: {shown(hop)} is no address") from None
            if not self.is_trusted(address):
                break
        return address

    def is_trusted(self, address: Address) -> bool:
        """Tell whether this is one of our own proxies."""
        number = int(address)
        for version, mask, first in self._trusted:
            if number & mask == first and address.version == version:
                return True
        return False


def parse_address(text: str) -> Address:
    """Return the address of `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]:567`.

    A v4-mapped IPv6 address is the IPv4 address it stands for. Raises `ValueError`.
    """
    try:  # a plain IPv4 address, as nearly all are: by the system in a third of the time
        return ipaddress.IPv4Address(socket.inet_pton(socket.AF_INET, text))
    except (OSError, ValueError):
        pass
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
