"""Answers of many messages (zone transfers): connections send one message each in turn, with a rest between.

So no transfer, and no number of them, holds up other answers; a client that does not read is left out until
it does. Knows no socket and no zone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

REST: Final = 3.0
"""Times as long as making a message took: transfers have a quarter of a worker's time at most."""


class Streaming(Protocol):
    """A connection with an answer of many messages."""

    def stream(self) -> bool:
        """Send one of them and return whether another can follow now."""


class Streams:
    """Those who have more to send; `later` has a function called after some seconds."""

    def __init__(
        self, later: Callable[[float, Callable[[], None]], object], clock: Callable[[], float]
    ) -> None:
        self._later, self._clock = later, clock
        self._line: deque[Streaming] = deque()

    def line_up(self, one: Streaming) -> None:
        """Let it send, in its turn; it may be in the line already."""
        if one in self._line:
            return
        self._line.append(one)
        if len(self._line) == 1:
            self._later(0, self._go)

    def _go(self) -> None:
        began = self._clock()
        if self._line[0].stream():  # it keeps its place meanwhile: lining up again changes nothing
            self._line.rotate(-1)
        else:
            self._line.popleft()
        if self._line:
            self._later(REST * (self._clock() - began), self._go)
