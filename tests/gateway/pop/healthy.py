"""A session that must not notice anything: it echoes pseudo-random bytes until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

from gateway.channel import Channel
from tests.gateway.pop.scene import Scene

WORST_SECONDS = 2.0
"""Longest time without a byte back that still counts as unharmed, on a machine that others use too."""


class Healthy:
    """Sends blocks and takes them back; every byte is compared."""

    def __init__(self, channel: Channel, seed: int) -> None:
        self._channel, self._random = channel, random.Random(seed)
        self.rounds, self.worst_seconds = 0, 0.0
        self.is_enough = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.is_enough:
            block = self._random.randbytes(self._random.randrange(1, 40_000))
            before = loop.time()
            await self._channel.write(block)
            assert await self._channel.read_exactly(len(block)) == block
            self.worst_seconds = max(self.worst_seconds, loop.time() - before)
            self.rounds += 1
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def unharmed(s: Scene, number: int = 7_000) -> AsyncIterator[Healthy]:
    """Run a session of a connector of its own beside the block: byte-exact and prompt throughout."""
    location = f"healthy{number}"
    await s.connector(f"c-healthy{number}", location=location)
    channel, reply = await s.socks(s.sta.know(number, location=location, user=f"healthy{number}"))
    assert reply == 0
    healthy = Healthy(channel, number)
    running = asyncio.ensure_future(healthy.run())
    try:
        yield healthy
        rounds = healthy.rounds
        async with asyncio.timeout(5):
            while healthy.rounds < rounds + 3 and not running.done():  # noqa: ASYNC110 - rounds are counted
                await asyncio.sleep(0.01)
    finally:
        healthy.is_enough = True
        await asyncio.wait_for(running, 5)
    assert healthy.rounds >= 3
    assert healthy.worst_seconds < WORST_SECONDS
