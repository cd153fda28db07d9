"""Serial numbers of zones (RFC 1982): which of two is later, which one follows, how a SOA carries one.

Knows no zone and no clock; who decides that a zone has changed is the signer's business.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import Final

from itm.dns.rdata import RRset

_CIRCLE: Final = 1 << 32
_NUMBER: Final = struct.Struct(">I")
_TIMERS: Final = struct.Struct(">II")


def of(soa: RRset) -> int:
    """Return the serial of a SOA record."""
    number: int = _NUMBER.unpack_from(soa.rdatas[0].after)[0]
    return number


def lag_of(soa: RRset) -> int:
    """Return how long a secondary that hears no NOTIFY may lag behind: refresh and one retry, seconds."""
    refresh, retry = _TIMERS.unpack_from(soa.rdatas[0].after, _NUMBER.size)
    return int(refresh + retry)


def renumbered(soa: RRset, serial: int) -> RRset:
    """Return the SOA record with another serial."""
    rdata = soa.rdatas[0]
    after = _NUMBER.pack(serial) + rdata.after[_NUMBER.size :]
    return dataclasses.replace(soa, rdatas=(dataclasses.replace(rdata, after=after),))


def is_later(one: int, other: int) -> bool:
    """Whether a serial is later than another on the circle of 32 bits (RFC 1982 3.2)."""
    return 0 < (one - other) % _CIRCLE < _CIRCLE // 2


def moved(written: int, served: int | None) -> int:
    """Return the serial of changed content: as the operator wrote it if that is later than what was served,
    else the next one.
    """
    if served is None or is_later(written, served):
        return written
    return (served + 1) % _CIRCLE
