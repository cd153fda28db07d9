"""A client network: an IPv4 /24 or an IPv6 /48, and nothing finer.

Every table of ITM counts in *units*: the number of the /24 (address >> 8, 24 bits) or of the /48
(address >> 80, 48 bits). Full addresses are truncated to a unit before anything is kept.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

UNIT_BITS: Final = {4: 24, 6: 48}
"""Prefix length of one unit, by address family."""

ADDRESS_BITS: Final = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True, order=True)
class Network:
    """One client network: `family` is 4 or 6, `unit` the number of its /24 or /48."""

    family: int
    unit: int

    @classmethod
    def of(cls, text: str) -> Network:
        """Return the network of an address (`133.11.0.1`) or of a prefix that lies in one unit.

        Raises `ValueError` for anything that is not an address or prefix, and for a prefix shorter
        than a unit (it would be several networks).
        """
        interface = ipaddress.ip_interface(text.strip())
        address = interface.ip
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        if mapped is not None:
            address = mapped
        elif interface.network.prefixlen < UNIT_BITS[address.version]:
            raise ValueError(f"{text!r} is shorter than /{UNIT_BITS[address.version]}: not one network")
        return cls.of_address(address)

    @classmethod
    def of_address(cls, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Network:
        """Truncate a full address to its unit."""
        family = address.version
        return cls(family, int(address) >> (ADDRESS_BITS[family] - UNIT_BITS[family]))

    @classmethod
    def of_key(cls, key: int) -> Network:
        """Return the network of a `key`."""
        return cls(key >> 60, key & (1 << 48) - 1)

    @property
    def key(self) -> int:
        """The network as one 64-bit number: family << 60 | unit."""
        return self.family << 60 | self.unit

    @property
    def prefix(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The unit as an `ipaddress` network."""
        first = self.unit << (ADDRESS_BITS[self.family] - UNIT_BITS[self.family])
        if self.family == 4:
            return ipaddress.IPv4Network((first, 24))
        return ipaddress.IPv6Network((first, 48))

    def __str__(self) -> str:
        return str(self.prefix)
