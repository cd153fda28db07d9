"""Sets of client networks that a setting names, and what one client is counted by.

An IPv4-mapped address is IPv4, whichever socket it came through; a zone (`%eth0`) does not count.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from itm.errors import ConfigError

MAX_REMEMBERED: Final = 16_384
"""Addresses whose look-up is kept at hand."""


class Networks:
    """The prefixes of a setting; `peer in networks` for an address as a socket shows it."""

    def __init__(self, prefixes: Iterable[str], setting: str) -> None:
        """Read the prefixes. Raises `ConfigError` naming `setting`."""
        try:
            self._networks = [ipaddress.ip_network(prefix) for prefix in prefixes]
        except ValueError as error:
            raise ConfigError(f"{setting}: expected prefixes: {error}") from error
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, peer: str) -> bool:
        known = self._known.get(peer)
        if known is None:
            address = address_of(peer)
            known = any(address.version == n.version and address in n for n in self._networks)
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[peer] = known
        return known


def address_of(peer: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address that a socket's text of a peer stands for. Raises `ValueError`."""
    address = ipaddress.ip_address(peer.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def client_of(peer: str) -> bytes:
    """Return what a client's connections are counted by: its IPv4 address, or its IPv6 /64."""
    return address_of(peer).packed[:8]
