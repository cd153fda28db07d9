"""How much larger than its query a UDP reply may be, as long as no cookie proves whose query it was.

Spoofed queries turn a server against the address they bear; what would pay is cut short with TC, and a real
client comes back over TCP. Knows sizes only, IPv4 and UDP headers included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HEADERS_BYTES: Final = 28
"""IPv4 and UDP; with the longer header of IPv6 the true factor is smaller."""
NO_LIMIT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Factors:
    """The largest factor for a reply of an unsigned zone or without DO, and for a signed one."""

    plain: int = NO_LIMIT
    signed: int = NO_LIMIT


def most_bytes(asked: int, factor: int) -> int:
    """Return how long a reply to a query of `asked` bytes may be."""
    return factor * (asked + HEADERS_BYTES) - HEADERS_BYTES
