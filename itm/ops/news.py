"""Wakes all who wait for a change; lets them go when the server stops. One event loop, no threads."""

from __future__ import annotations

import asyncio


class News:
    """`tell` wakes those who wait now; after `end` nobody waits any more."""

    def __init__(self) -> None:
        self._next = asyncio.Event()
        self._has_ended = False

    def tell(self) -> None:
        """Something changed."""
        self._next.set()
        if not self._has_ended:
            self._next = asyncio.Event()

    def end(self) -> None:
        """Nothing will be told any more."""
        self._has_ended = True
        self._next.set()

    async def wait(self) -> bool:
        """Wait for the next change; False when none will come."""
        if not self._has_ended:
            await self._next.wait()
        return not self._has_ended
