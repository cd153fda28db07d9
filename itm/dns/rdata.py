"""Records as values: RRsets of `Rdata`, and the numbers of the types that mean something to a server.

`Rdata` keeps domain names apart from other bytes: those that may be compressed (RFC 3597 4: only NS,
CNAME, SOA, PTR and MX of ours), and those that are written whole. How zone text becomes one stands in
`itm.dns.rdatatext`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

A: Final = 1
NS: Final = 2
CNAME: Final = 5
SOA: Final = 6
PTR: Final = 12
HINFO: Final = 13
MX: Final = 15
TXT: Final = 16
AAAA: Final = 28
SRV: Final = 33
DNAME: Final = 39
DS: Final = 43
RRSIG: Final = 46
NSEC: Final = 47
DNSKEY: Final = 48
CDS: Final = 59
CDNSKEY: Final = 60
SVCB: Final = 64
HTTPS: Final = 65
CAA: Final = 257

LOWERED: Final = frozenset({NS, CNAME, SOA, PTR, MX, SRV, DNAME})
"""Of the types that keep names apart: those whose names are lower case in the canonical form (RFC 4034 6.2,
RFC 6840 5.1). SVCB and HTTPS are newer than that list."""


@dataclass(frozen=True, slots=True)
class Rdata:
    """One record's data: bytes, then compressible names, then a name that is written whole, then bytes."""

    before: bytes = b""
    names: tuple[bytes, ...] = ()
    whole: bytes = b""
    after: bytes = b""

    @property
    def wire(self) -> bytes:
        """The data without compression, names as they were written."""
        return self.before + b"".join(self.names) + self.whole + self.after

    def canonical(self, rtype: int) -> bytes:
        """Return the data as it is signed and ordered (RFC 4034 6.2)."""
        if rtype not in LOWERED:
            return self.wire
        return self.before + (b"".join(self.names) + self.whole).lower() + self.after

    @property
    def key(self) -> tuple[bytes, bytes, bytes]:
        """What makes records of a type the same: every byte, but for case in names (RFC 2181 5, 4034 6.2)."""
        return self.before, (b"".join(self.names) + self.whole).lower(), self.after


@dataclass(frozen=True, slots=True)
class RRset:
    """The records of one owner and type. `owner` is a wire name."""

    owner: bytes
    rtype: int
    ttl: int
    rdatas: tuple[Rdata, ...]


def target(rrset: RRset, rdata: Rdata) -> bytes | None:
    """Return the host name whose addresses belong in the additional section, if the type has one."""
    if rrset.rtype in {NS, MX}:
        return rdata.names[0]
    return rdata.whole if rrset.rtype == SRV else None
