"""How deltas reach the builder: what carries them there and brings acknowledgments back.

Three verbs: send, receive, ack. A carrier may lose, repeat or delay what it carries; that nothing is lost or
counted twice is the business of both ends, which number deltas and keep them until they are acknowledged
(`collector.py`, `counted.py`). `InProcess` is the carrier of one process; between two processes of a machine
it is `localbus.py`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from collectors.segments import Position


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one collector has been counted: its last delta's number, and where in the journal it ended."""

    sequence: int = 0
    position: Position = field(default_factory=Position)


@dataclass(frozen=True, slots=True)
class Ack:
    """What the builder tells a collector: counted so far, and of that durable up to delta `durable`."""

    collector: str
    counted: Mark
    durable: int


class Sender(Protocol):
    """A collector's end."""

    def send(self, message: bytes) -> bool:
        """Hand over a delta; False when the carrier is still busy with the one before.

        Raises `BusLost` when what was sent before may have been lost: ask where you stand.
        """

    def acknowledged(self) -> Ack | None:
        """Return the next acknowledgment that has come, of whichever collector; None: none has."""


class Receiver(Protocol):
    """The builder's end."""

    def receive(self) -> bytes | None:
        """Return the next delta that has come; None: none has."""

    def ack(self, ack: Ack) -> None:
        """Tell the collector; lost when it is not there, so it asks when it comes back."""


class InProcess:
    """Both ends in one process."""

    def __init__(self) -> None:
        self._deltas: deque[bytes] = deque()
        self._acks: deque[Ack] = deque()

    def send(self, message: bytes) -> bool:
        """Queue a delta."""
        self._deltas.append(message)
        return True

    def acknowledged(self) -> Ack | None:
        """Return the next acknowledgment."""
        return self._acks.popleft() if self._acks else None

    def receive(self) -> bytes | None:
        """Return the next delta."""
        return self._deltas.popleft() if self._deltas else None

    def ack(self, ack: Ack) -> None:
        """Queue an acknowledgment."""
        self._acks.append(ack)
