"""A listen address as the operator writes it: `127.0.0.1:5300`, `[::1]:5300`. Addresses, never names."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from itm.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Listen:
    """An address and a port; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """The socket family of the address."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str, setting: str = "dns.listen") -> Listen:
    """Return the address of `text`. Raises `ConfigError` naming `setting`."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
        number = int(port)
        if not colon or not 0 <= number <= 65_535 or (address.version == 6) != (bare != host):
            raise ValueError
    except ValueError:
        raise ConfigError(f"{setting}: expected ADDRESS:PORT (IPv6 in brackets), got {text!r}") from None
    return Listen(str(address), number)
