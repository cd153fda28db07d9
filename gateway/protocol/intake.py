"""The receiving half of a resumable stream: what arrived, what the program has consumed, what the peer may
still send.

Offsets count bytes from the start of the stream. `limit` is the promise: the peer may send up to it, and it
never falls; a window that has to shrink just stops it from rising. Does not hold the bytes themselves.
"""

from __future__ import annotations

from gateway.protocol.budget import CEILING, FLOOR, START, Budget

ACK_BYTES = 64 * 1024
"""Least that is consumed before an ACK goes out by itself; the program flushes smaller ones by its timer."""


class Intake:
    """Offsets of one direction. Raises `ValueError` for what the peer may not do."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lent = FLOOR
        self._wanted = FLOOR
        self._grow_from = 0
        self._announced = 0
        self._fin_announced = False
        self._fin_at: int | None = None
        self.is_ack_due = False
        self.received = 0
        self.consumed = 0
        self.limit = FLOOR

    @property
    def is_finished(self) -> bool:
        """Whether the peer's end of stream arrived."""
        return self._fin_at is not None

    @property
    def fin_seen(self) -> bool:
        """Whether it arrived and everything before it was consumed."""
        return self._fin_at == self.consumed

    @property
    def is_fin_announced(self) -> bool:
        """Whether the peer was told so on some wire."""
        return self._fin_announced

    @property
    def has_news(self) -> bool:
        """Whether more was consumed than the peer was told."""
        return self.consumed > self._announced or (self.fin_seen and not self._fin_announced)

    def check(self, offset: int, size: int) -> None:
        """Refuse a DATA frame that leaves a gap, is past the promise or past the end of stream."""
        if offset > self.received:
            raise ValueError(f"gap: expected offset {self.received}, got {offset}")
        if offset + size > self.limit:
            raise ValueError("data past the window")
        if self._fin_at is not None and offset + size > self._fin_at:
            raise ValueError("data after the end of stream")

    def finish(self, offset: int) -> bool:
        """Take the peer's end of stream; false when it was known already."""
        if offset != self.received or self._fin_at not in (None, offset):
            raise ValueError(f"end of stream at {offset}, received {self.received}")
        is_new = self._fin_at is None
        self._fin_at = offset
        self.is_ack_due |= self.fin_seen
        return is_new

    def consume(self, size: int) -> None:
        """The program is done with that many bytes."""
        self.consumed += size
        threshold = max(ACK_BYTES, self._lent // 16)
        if self.consumed - self._announced >= threshold:
            self._wanted = max(self._wanted, START)
            self.is_ack_due = True
        elif self.fin_seen and not self._fin_announced:
            self.is_ack_due = True

    def grow(self, offset: int) -> None:
        """The peer has to wait for us at that offset.

        If the program keeps up, the window is what is too small.
        """
        if offset >= self._grow_from and self.received - self.consumed <= self._lent // 4:
            self._wanted = min(CEILING, self._lent * 2)
            self._grow_from = self.consumed + self._wanted
            self.is_ack_due = True

    def announce(self) -> tuple[int, int, bool]:
        """Return consumed offset, limit and `fin_seen` for an ACK that is now written."""
        wanted = max(FLOOR, min(self._wanted, self._budget.ceiling))
        self._lent = self._budget.resize(self._lent, max(wanted, self.limit - self.consumed))
        self.limit = max(self.limit, self.consumed + min(wanted, self._lent))
        self._announced = self.consumed
        self._fin_announced = self.fin_seen
        self.is_ack_due = False
        return self.consumed, self.limit, self.fin_seen

    def release(self) -> None:
        """Give the window's memory back."""
        self._lent = self._budget.resize(self._lent, FLOOR)
