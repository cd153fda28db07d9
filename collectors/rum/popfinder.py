"""Which POP a URL or a server's address belongs to.

Built once for each catalog; a host, or an address, that two POPs share names neither.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from collectors.rum.origin import Address

PORTS: Final = {"http": 80, "https": 443}
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052 2.1

Key = TypeVar("Key", bound=Hashable)

Place = tuple[str, int | None]
"""A host in lower case without a final dot, and a port; None: any."""


class PopFinder:
    """Finds POPs. Each argument pairs what belongs to a POP with its id."""

    def __init__(
        self,
        urls: Iterable[tuple[str, str]] = (),
        names: Iterable[tuple[str, str]] = (),
        addresses: Iterable[tuple[str, str]] = (),
    ) -> None:
        """`urls` are bases that lead to one POP each, `names` DNS names that do at any port."""
        places = [(place, pop) for url, pop in urls if (place := place_of(url)) is not None]
        places += [((_plain(name), None), pop) for name, pop in names]
        self._places = _unshared(places)
        found = [(address, pop) for text, pop in addresses if (address := _address(text)) is not None]
        self._addresses = _unshared(found)

    def by_url(self, url: str) -> str | None:
        """Return the POP that the URL leads to; None if it is no POP's own."""
        place = place_of(url)
        if place is None:
            return None
        return self._places.get(place) or self._places.get((place[0], None))

    def by_address(self, text: str) -> str | None:
        """Return the POP that is served at this address; None if none is. Seen through NAT64, too."""
        address = _address(text)
        return None if address is None else self._addresses.get(address)


def place_of(url: str) -> Place | None:
    """Return host and port of an http or https URL; None for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in PORTS:
        return None
    return _plain(host), PORTS[parts.scheme] if port is None else port


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _address(text: str) -> Address | None:
    """Return the address, or the IPv4 address that stands behind NAT64 or is mapped; None if it is none."""
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address
    return address


def _unshared(pairs: Iterable[tuple[Key, str]]) -> dict[Key, str]:
    found: dict[Key, str] = {}
    shared: set[Key] = set()
    for key, pop in pairs:
        if found.setdefault(key, pop) != pop:
            shared.add(key)
    return {key: pop for key, pop in found.items() if key not in shared}
