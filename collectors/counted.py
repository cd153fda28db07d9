"""Which deltas have been counted, and which of these are durable: what makes counting twice impossible.

Per collector, numbers only go up by one. What comes again is dropped; what would leave a gap is not counted,
and its collector is told where it stands. Pure; what is counted, and when it is durable, is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from collectors.bus import Ack, Mark
from collectors.delta import QUESTION, Delta


class Turn(Enum):
    """What to do with a delta: count it, drop it (it came before), or tell its collector where it stands."""

    NEXT = "counted"
    REPEATED = "repeated"
    ASTRAY = "astray"


class Counted:
    """Marks by collector, begun from those that are durable."""

    def __init__(self, durable: Mapping[str, Mark]) -> None:
        self.marks = dict(durable)
        """How far each collector has been counted."""
        self._durable = dict(durable)

    def turn(self, delta: Delta) -> Turn:
        """Return what is to be done with a delta."""
        last = self.marks.get(delta.collector, Mark()).sequence
        if delta.sequence == last + 1:
            return Turn.NEXT
        return Turn.REPEATED if QUESTION < delta.sequence <= last else Turn.ASTRAY

    def count(self, delta: Delta) -> None:
        """Note that a delta has been added."""
        self.marks[delta.collector] = Mark(delta.sequence, delta.position)

    def settle(self) -> None:
        """Note that all that was counted is durable."""
        self._durable = dict(self.marks)

    def ack(self, collector: str) -> Ack:
        """Return what a collector is to be told."""
        durable = self._durable.get(collector, Mark()).sequence
        return Ack(collector, self.marks.get(collector, Mark()), durable)
