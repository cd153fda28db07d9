"""How much of one process's memory the resumable streams may promise away.

A stream always has a floor of 256 KiB each way. What it holds above the floor (its receive window, promised
to the peer, and its retention, what it keeps until acknowledged) is lent by a `Budget` that all streams of
the process share. As the budget fills, the ceiling falls from 16 MiB to the floor, for running streams too:
so the whole stays below `total_bytes` plus 512 KiB per stream, whatever the peers do.
"""

from __future__ import annotations

FLOOR = 256 * 1024
START = 1024 * 1024
CEILING = 16 * 1024 * 1024
DEFAULT_TOTAL = 512 * 1024 * 1024


class Budget:
    """The process's account. `total_bytes` is the most that is lent above the floors."""

    def __init__(self, total_bytes: int = DEFAULT_TOTAL) -> None:
        self.total_bytes = total_bytes
        self.lent_bytes = 0

    @property
    def ceiling(self) -> int:
        """The largest size a window may have now."""
        left = self.total_bytes - self.lent_bytes
        if left * 2 >= self.total_bytes:
            return CEILING
        if left * 4 >= self.total_bytes:
            return CEILING // 4
        return START if left * 8 >= self.total_bytes else FLOOR

    def resize(self, size: int, wanted: int) -> int:
        """Return the size, in place of `size`, that a loan of `wanted` bytes gets: all, or what is left."""
        new = max(FLOOR, wanted)
        new = min(new, size + max(0, self.total_bytes - self.lent_bytes)) if new > size else new
        self.lent_bytes += new - size
        return new
