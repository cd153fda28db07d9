"""The NSEC chain of a zone (RFC 4034 4): what exists, in canonical order, so that the rest can be denied.

A chain is made once from the zone's names; its records are signed beforehand, so a proof costs a search, not
a signature. Empty non-terminals and what lies below a delegation have no link.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from itm.dns.name import labels_of
from itm.dns.rdata import NSEC, RRSIG, Rdata, RRset

Order = tuple[bytes, ...]

MOST_TYPES_BITS: Final = 32
"""Octets of one window of a bitmap."""


def order(name: bytes) -> Order:
    """Return a sort key that puts lower-case names in canonical order (RFC 4034 6.1)."""
    return tuple(reversed(labels_of(name)))


def bitmap(types: Iterable[int]) -> bytes:
    """Return the type bitmaps of an NSEC record (RFC 4034 4.1.2)."""
    windows: dict[int, bytearray] = {}
    for rtype in sorted(types):
        bits = windows.setdefault(rtype >> 8, bytearray(MOST_TYPES_BITS))
        bits[rtype >> 3 & 31] |= 0x80 >> (rtype & 7)
    out = b""
    for window, bits in windows.items():
        octets = bytes(bits).rstrip(b"\0")
        out += struct.pack(">BB", window, len(octets)) + octets
    return out


def rrset(owner: bytes, following: bytes, types: Collection[int], ttl: int) -> RRset:
    """Return the NSEC record of a name; its own type and RRSIG's are added to `types`."""
    return RRset(owner, NSEC, ttl, (Rdata(whole=following, after=bitmap({*types, NSEC, RRSIG})),))


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """All NSEC records of a zone, in canonical order."""

    names: tuple[bytes, ...]
    records: Mapping[bytes, RRset]
    _orders: tuple[Order, ...]

    def covering(self, name: bytes) -> RRset:
        """Return the record whose span holds a name that has none, or the name's own."""
        return self.records[self.names[bisect_right(self._orders, order(name)) - 1]]

    def following(self, name: bytes) -> bytes:
        """Return the next name of the chain behind one of its own."""
        return self.records[name].rdatas[0].whole


def chain(types_by_name: Mapping[bytes, Collection[int]], ttl: int) -> Chain:
    """Return the chain over names (lower-case wire form, the origin among them) and the types at each."""
    pairs = sorted((order(name), name) for name in types_by_name)
    names = tuple(name for _, name in pairs)
    following = (*names[1:], names[0])
    records = {
        name: rrset(name, after, types_by_name[name], ttl)
        for name, after in zip(names, following, strict=True)
    }
    return Chain(names, records, tuple(key for key, _ in pairs))
