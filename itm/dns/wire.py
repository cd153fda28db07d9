"""Answer sections as ready bytes: RRsets written behind a question, names compressed (RFC 1035 4.1.4).

Pointers into the question depend only on the question's length, so bytes made for one name serve
every spelling of it, and owners come back in the client's own case.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from itm.dns.lookup import Outcome
from itm.dns.name import parent
from itm.dns.rdata import RRset

HEADER_BYTES: Final = 12
POINTER: Final = 0xC000
MAX_POINTER: Final = 0x3FFF
AA: Final = 0x0400
CLASS_IN: Final = 1


@dataclass(frozen=True, slots=True)
class Body:
    """Everything behind the question, OPT aside. `flags` is AA and the rcode.

    `least` and `least_counts` (answer, authority, additional) are what must be sent whole;
    `full` adds the records that may be left out.
    """

    flags: int
    least: bytes
    least_counts: tuple[int, int, int]
    full: bytes
    full_counts: tuple[int, int, int]


def compose(outcome: Outcome, name: bytes, suffix: bytes | None = None) -> Body:
    """Return the sections of an outcome for a question about `name` (wire form).

    With `suffix`, an ancestor of the name, only that is pointed at: the bytes then serve every name
    of this length below it.
    """
    writer = Writer(name, name if suffix is None else suffix)
    answer = writer.rrsets(outcome.answer)
    authority = writer.rrsets(outcome.authority)
    glue = writer.rrsets(outcome.glue)
    least = bytes(writer.out)
    more = writer.rrsets(outcome.additional)
    return Body(
        flags=(AA if outcome.authoritative else 0) | outcome.rcode,
        least=least,
        least_counts=(answer, authority, glue),
        full=bytes(writer.out),
        full_counts=(answer, authority, glue + more),
    )


class Writer:
    """Writes records behind a question about `name`; of that, `known` may be pointed at, an ancestor."""

    def __init__(self, name: bytes, known: bytes) -> None:
        self.out = bytearray()
        self._base = HEADER_BYTES + len(name) + 4  # where the first record begins
        self._places: dict[bytes, int] = {}
        self._remember(known.lower(), HEADER_BYTES + len(name) - len(known))

    def rrsets(self, rrsets: Iterable[RRset]) -> int:
        """Append the RRsets; returns the number of records."""
        count = 0
        for rrset in rrsets:
            for rdata in rrset.rdatas:
                self._name(rrset.owner)
                self.out += struct.pack(">HHIH", rrset.rtype, CLASS_IN, rrset.ttl, 0)
                start = len(self.out)
                self.out += rdata.before
                for name in rdata.names:
                    self._name(name)
                self.out += rdata.whole + rdata.after
                struct.pack_into(">H", self.out, start - 2, len(self.out) - start)
                count += 1
        return count

    def _name(self, name: bytes) -> None:
        rest, lower = name, name.lower()
        written = 0
        while rest[0] and lower[written:] not in self._places:
            written += 1 + rest[0]
            rest = parent(rest)
        place = self._places.get(lower[written:])
        self._remember(lower, self._base + len(self.out), stop=written)
        self.out += name[:written]
        self.out += struct.pack(">H", POINTER | place) if place is not None else b"\0"

    def _remember(self, lower: bytes, place: int, stop: int | None = None) -> None:
        """Note where each suffix of the name begins, for the first `stop` bytes of it."""
        position = 0
        while lower[position] and (stop is None or position < stop) and place + position <= MAX_POINTER:
            self._places.setdefault(lower[position:], place + position)
            position += 1 + lower[position]
