"""What the allocator does with memory that was freed. Knows glibc's habits; elsewhere it does nothing."""

from __future__ import annotations

from typing import Final

KEPT_BYTES: Final = 8 * 1024 * 1024


def keep_freed_memory() -> None:
    """Have some MiB of freed memory stay in the process.

    A stream's 64 KiB chunks come and go by the thousand; by default glibc gives the top of the heap back at
    128 KiB and takes it again, which costs a page fault per 4 KiB. It raises that limit to twice the largest
    mapping freed so far (mallopt(3), M_MMAP_THRESHOLD), so one is made and freed.
    """
    largest = bytearray(KEPT_BYTES)
    del largest
