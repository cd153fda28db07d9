"""The sending half of a resumable stream: bytes are kept until the peer acknowledges them, and given again
on a new wire.

Two queues of chunks hold the stream from the acknowledged offset on: those written to the current wire, and
those that wait. A big chunk is kept as it came and only sliced; small ones are merged, so that a program
that writes bytewise costs no more memory than its bytes. Nothing is ever discarded unacknowledged.
"""

from __future__ import annotations

from collections import deque

from gateway.protocol.budget import CEILING, FLOOR, Budget
from gateway.protocol.errors import Misuse
from gateway.protocol.rspframe import DATA_BYTES

Chunk = bytes | bytearray | memoryview
SMALL, MERGED = 4096, 16384
"""Chunks below the first size are merged up to the second."""


class Retention:
    """One direction's unacknowledged bytes. Raises `ValueError` for what the peer may not claim."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._cap = FLOOR
        self._written: deque[Chunk] = deque()
        self._waiting: deque[Chunk] = deque()
        self._base = 0  # offset of the first chunk in `_written`; acked may be inside it
        self._high = 0  # highest offset ever written to any wire
        self.acked = 0
        self.sent = 0
        self.end = 0
        self.limit = 0
        self.is_finished = False
        self.fin_acked = False

    @property
    def room(self) -> int:
        """How many bytes `add` takes now; before the first wire, one frame."""
        return max(0, min(self.acked + self._cap, self.limit or DATA_BYTES) - self.end)

    @property
    def can_send(self) -> bool:
        """Whether `next` has something."""
        return self.sent < self.end and self.sent < self.limit

    def add(self, data: bytes) -> None:
        """Append to the stream."""
        if not data:
            return
        if len(data) > self.room or self.is_finished:
            raise Misuse(
                f"{len(data)} bytes where there is room for {self.room}, finished {self.is_finished}"
            )
        self.end += len(data)
        if len(data) < SMALL:
            _merge(self._waiting, data)
        elif len(data) <= DATA_BYTES:
            self._waiting.append(data)
        else:
            view = memoryview(data)
            self._waiting.extend(view[at : at + DATA_BYTES] for at in range(0, len(data), DATA_BYTES))
        if (self.end - self.acked) * 2 > self._cap:
            self._cap = self._budget.resize(self._cap, min(self._cap * 2, CEILING, self._budget.ceiling))

    def next(self, most: int) -> tuple[int, Chunk]:
        """Return offset and bytes of the next DATA frame, at most `most`; only while `can_send`."""
        offset = self.sent
        chunk = self._pop(min(most, self.limit - offset))
        if isinstance(chunk, bytearray):
            chunk = bytes(chunk)  # what is on its way into a frame must not be merged into
        self.sent += len(chunk)
        self._high = max(self._high, self.sent)
        if len(chunk) < SMALL:
            _merge(self._written, chunk)
        else:
            self._written.append(chunk)
        return offset, chunk

    def acknowledge(self, offset: int, limit: int, fin_seen: bool) -> None:
        """The peer has everything before `offset` and lets us send up to `limit`."""
        if offset > self._high or (fin_seen and not (self.is_finished and offset == self.end)):
            raise ValueError(f"acknowledges {offset} of {self._high} sent, end of stream {fin_seen}")
        self.fin_acked |= fin_seen
        self.limit = max(self.limit, limit)
        self.acked = max(self.acked, offset)
        while self._written and self._base + len(self._written[0]) <= self.acked:
            self._base += len(self._written.popleft())
        if self.sent < self.acked:  # the peer got more on an older wire than it knew when this one began
            self._pop_until(self.acked)
        held = self.end - self.acked
        if self._cap > FLOOR and held * 4 < self._cap:
            self._cap = self._budget.resize(self._cap, self._cap // 2)

    def rewind(self, received: int, limit: int, fin_seen: bool) -> int:
        """Begin a new wire at what the peer has received; return how many bytes go out a second time."""
        self._waiting.extendleft(reversed(self._written))
        self._written.clear()
        self.sent = self._base
        self._pop_until(self.acked)
        self.acknowledge(received, limit, fin_seen)
        return self._high - self.sent

    def clear(self) -> None:
        """Forget everything: the session is over."""
        self._written.clear()
        self._waiting.clear()
        self._base = self.sent = self.acked = self.end
        self._cap = self._budget.resize(self._cap, FLOOR)

    def _pop_until(self, offset: int) -> None:
        while self.sent < offset:
            self.sent += len(self._pop(offset - self.sent))
        self._base = self.sent

    def _pop(self, most: int) -> Chunk:
        chunk = self._waiting.popleft()
        if len(chunk) <= most:
            return chunk
        view = memoryview(bytes(chunk) if isinstance(chunk, bytearray) else chunk)  # a view would freeze it
        self._waiting.appendleft(view[most:])
        return view[:most]


def _merge(queue: deque[Chunk], data: Chunk) -> None:
    """Append a copy: only what was made here is ever merged into."""
    if queue and isinstance(tail := queue[-1], bytearray) and len(tail) + len(data) <= MERGED:
        tail += data
    else:
        queue.append(bytearray(data))
