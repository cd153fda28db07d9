"""One (name, type) of the answer book: its ready bodies, also in the form that the short path joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from itm.dns.asked import Asked
from itm.dns.steering import Steering
from itm.dns.wire import AA, CLASS_IN, HEADER_BYTES, Body

OPTIONS_BYTES: Final = 11 + 24 + 28
"""OPT with the longest Client Subnet option and a cookie."""
SHORT_BYTES: Final = 512 - HEADER_BYTES - OPTIONS_BYTES
"""Question and records that fit any UDP reply."""
SIGNED_PAYLOAD: Final = 1232
"""What a resolver that sets DO must be able to take for the short path to serve it (DNS flag day 2020)."""
SIGNED_BYTES: Final = SIGNED_PAYLOAD - HEADER_BYTES - OPTIONS_BYTES

Short = tuple[bytes, bytes, bytes]
"""Counts with OPT, counts without, records."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Without `steering` there is one body; with it one per POP, then the values', for each class of TTL.

    `short` has the same bodies for the short path; empty when a body needs the long one. `signed` is the
    entry for queries with DO; None in a zone that is not signed. Queries that are steered are counted in
    `asked`, the service's.
    """

    bodies: tuple[Body, ...]
    short: tuple[Short, ...]
    steering: Steering | None = None
    signed: Entry | None = None
    asked: Asked | None = None

    def replaced(
        self, name: bytes, fresh: Mapping[int, Body], *, room: int = SHORT_BYTES, signed: Entry | None = None
    ) -> Entry:
        """Return the entry with other bodies at some places. Costs by their number, not by that of all."""
        bodies = list(self.bodies)
        for index, body in fresh.items():
            bodies[index] = body
        if not self.short or not all(_fits(name, body, room) for body in fresh.values()):
            return entry(name, bodies, self.steering, room=room, signed=signed, asked=self.asked)
        short = list(self.short)
        for index, body in fresh.items():
            short[index] = _short(body)
        return Entry(tuple(bodies), tuple(short), self.steering, signed, self.asked)


def entry(
    name: bytes,
    bodies: Sequence[Body],
    steering: Steering | None = None,
    *,
    room: int = SHORT_BYTES,
    signed: Entry | None = None,
    asked: Asked | None = None,
) -> Entry:
    """Return the entry of a name (wire form) with these bodies; `room` is what its short form may take."""
    fits = all(_fits(name, body, room) for body in bodies)
    return Entry(tuple(bodies), tuple(map(_short, bodies)) if fits else (), steering, signed, asked)


def key(rtype: int) -> bytes:
    """Return type and class as a question carries them."""
    return rtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")


def _fits(name: bytes, body: Body, room: int) -> bool:
    return body.flags == AA and len(name) + 4 + len(body.full) <= room


def _short(body: Body) -> Short:
    answer, authority, additional = (count.to_bytes(2, "big") for count in body.full_counts)
    with_opt = (body.full_counts[2] + 1).to_bytes(2, "big")
    head = b"\0\1" + answer + authority
    return head + with_opt, head + additional, body.full
