"""Whose queries are answered next: connections take turns, whatever their number and hurry.

One turn of the event loop answers a bounded number of messages for all of them together, so that no crowd
can keep UDP, or a client with one query, waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

MESSAGES: Final = 64
"""Answered for all connections in one turn of the loop; UDP gets as many (`udp.BATCH`)."""
MESSAGES_OF_ONE: Final = 16
"""Answered for one connection before the next one's turn."""


class Waiting(Protocol):
    """A connection with something to answer."""

    def take_turn(self, most: int) -> int:
        """Answer at most so many messages and return how many; it may line up again meanwhile."""


class Turns:
    """The line of those who wait; `soon` has a function called in the loop's next turn."""

    def __init__(self, soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._line: deque[Waiting] = deque()
        self._is_going = False

    def line_up(self, one: Waiting) -> None:
        """Let it have its turn; it must not be in the line already."""
        self._line.append(one)
        if not self._is_going:
            self._is_going = True
            self._soon(self._go)

    def _go(self) -> None:
        left = MESSAGES
        for _ in range(len(self._line)):  # nobody comes twice in one turn of the loop
            left -= self._line.popleft().take_turn(min(left, MESSAGES_OF_ONE))
            if left <= 0:
                break
        self._is_going = bool(self._line)
        if self._is_going:
            self._soon(self._go)
