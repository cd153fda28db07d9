"""One (name, type) of the answer book: its ready bodies, also in the form that the short path joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from itm.dns.steering import Steering
from itm.dns.wire import AA, CLASS_IN, HEADER_BYTES, Body

SHORT_BYTES: Final = 512 - HEADER_BYTES - 11 - 24
"""Question and records that fit any UDP reply beside OPT and the longest Client Subnet option."""

Short = tuple[bytes, bytes, bytes]
"""Counts with OPT, counts without, records."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Without `steering` there is one body; with it one per POP, then the values'.

    `short` has the same bodies for the short path; empty when a body needs the long one.
    """

    bodies: tuple[Body, ...]
    short: tuple[Short, ...]
    steering: Steering | None = None

    def replaced(self, name: bytes, fresh: Mapping[int, Body]) -> Entry:
        """Return the entry with other bodies at some places. Costs by their number, not by that of all."""
        bodies = list(self.bodies)
        for index, body in fresh.items():
            bodies[index] = body
        if not self.short or not all(_fits(name, body) for body in fresh.values()):
            return entry(name, bodies, self.steering)
        short = list(self.short)
        for index, body in fresh.items():
            short[index] = _short(body)
        return Entry(tuple(bodies), tuple(short), self.steering)


def entry(name: bytes, bodies: Sequence[Body], steering: Steering | None = None) -> Entry:
    """Return the entry of a name (wire form) with these bodies."""
    fits = all(_fits(name, body) for body in bodies)
    return Entry(tuple(bodies), tuple(map(_short, bodies)) if fits else (), steering)


def key(rtype: int) -> bytes:
    """Return type and class as a question carries them."""
    return rtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")


def _fits(name: bytes, body: Body) -> bool:
    return body.flags == AA and len(name) + 4 + len(body.full) <= SHORT_BYTES


def _short(body: Body) -> Short:
    answer, authority, additional = (count.to_bytes(2, "big") for count in body.full_counts)
    with_opt = (body.full_counts[2] + 1).to_bytes(2, "big")
    head = b"\0\1" + answer + authority
    return head + with_opt, head + additional, body.full
