"""EDNS Client Subnet (RFC 7871): the option read strictly, its unit, and its echo.

A malformed option is an error of the query (FORMERR), never a location. Units are /24 numbers of
IPv4 and /48 numbers of IPv6; what is shorter is located by its first address.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

OPTION: Final = 8
FAMILIES: Final = {1: (4, 32, 24), 2: (6, 128, 48)}
"""IANA address family -> (our family, address bits, unit bits)."""


@dataclass(frozen=True, slots=True)
class ClientSubnet:
    """A well-formed option: IANA `family`, `source` prefix length, the address's leading octets."""

    family: int
    source: int
    address: bytes

    @property
    def is_hidden(self) -> bool:
        """Whether the client asked not to be located (7.1.2)."""
        return self.source == 0

    def unit(self) -> tuple[int, int]:
        """Return (4 or 6, unit number) of the first address of the subnet."""
        family, _, bits = FAMILIES[self.family]
        octets = bits // 8
        return family, int.from_bytes(self.address[:octets].ljust(octets, b"\0"), "big")

    def option(self, scope: int) -> bytes:
        """Return the option to send back: as received, with the scope prefix length."""
        head = struct.pack(">HHHBB", OPTION, 4 + len(self.address), self.family, self.source, scope)
        return head + self.address


def parse(data: bytes) -> ClientSubnet | None:
    """Return the option of a query; None when it is malformed.

    Required (6, 7.2.1): family 1 or 2, scope 0, source within the family, exactly as many octets as
    the source needs, no bit set beyond it.
    """
    if len(data) < 4:
        return None
    family, source, scope = struct.unpack_from(">HBB", data)
    address = data[4:]
    if family not in FAMILIES or scope or source > FAMILIES[family][1] or len(address) != (source + 7) // 8:
        return None
    if source % 8 and address[-1] & (0xFF >> source % 8):
        return None
    return ClientSubnet(family, source, address)
