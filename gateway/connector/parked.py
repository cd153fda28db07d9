"""Data channels opened in advance: an `Open` that finds one saves the TCP and the TLS handshake.

A few stand at each POP address at which a control channel stands. One that the POP closes is replaced; one
is replaced before the POP would close it. What is said over them stands in `wires`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Final

from gateway.channel import EMPTY, Channel
from gateway.connector.dial import PopDial
from gateway.errors import GatewayError
from gateway.protocol import data

KEPT: Final = 2
"""Channels per POP address: launches that arrive within one handshake of each other."""
SHARES: Final = (0.6, 0.8)
"""Replaced at a random moment between these shares of the time that a POP waits: not all at once."""
SOON_SECONDS: Final = 5.0
"""A channel that lived shorter was not wanted: the POP is full of them, or broken."""
LONGEST_PAUSE_SECONDS: Final = 60.0


class Spot:
    """One channel that waits; `over` is set when it is taken, dead or dropped."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.over = asyncio.Event()
        channel.watch_read(self._look)

    def take(self) -> Channel | None:
        """Return the channel for use, None when it has died meanwhile."""
        is_good = not self.over.is_set() and self._is_quiet()
        self.over.set()
        if not is_good:
            return None
        self.channel.unwatch_read()
        return self.channel

    def _look(self) -> None:
        if not self._is_quiet():
            self.channel.close()
            self.over.set()

    def _is_quiet(self) -> bool:
        """A POP says nothing on a channel before we do: any byte, and any end, makes it useless."""
        try:
            self.channel.receive(memoryview(bytearray(1)))
        except EMPTY:
            return True
        except (OSError, ValueError):
            return False
        return False


class Parked:
    """All channels that wait, by POP address."""

    def __init__(
        self,
        dial: Callable[[], PopDial],
        *,
        kept: int = KEPT,
        park_seconds: float = data.PARK_SECONDS,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._dial, self._kept, self._park_seconds, self._chance = dial, kept, park_seconds, chance
        self._spots: dict[str, list[Spot]] = {}

    def __len__(self) -> int:
        return sum(len(spots) for spots in self._spots.values())

    def take(self, addresses: Iterable[str]) -> Channel | None:
        """Return a channel that stands at one of the addresses, the newest first; it is the caller's now."""
        for address in addresses:
            spots = self._spots.get(address, [])
            while spots:
                if (channel := spots.pop().take()) is not None:
                    return channel
        return None

    def drop(self, addresses: Iterable[str]) -> None:
        """Close what waits at these addresses: one of them was dead without a sign."""
        for address in addresses:
            for spot in self._spots.get(address, ()):
                spot.channel.close()
                spot.over.set()

    async def hold(self, address: str) -> None:
        """Keep channels waiting at this address until cancelled, then close them."""
        self._spots.setdefault(address, [])
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._kept):
                    tasks.create_task(self._keep_one(address))
        finally:
            self.drop([address])
            self._spots.pop(address, None)

    async def _keep_one(self, address: str) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.0
        while True:
            await asyncio.sleep(self._chance(0, pause))
            began = loop.time()
            try:
                await self._wait_with(await self._dial().open(address, data.ALPN), address)
            except GatewayError:
                began = loop.time()
            is_soon = loop.time() - began < SOON_SECONDS
            pause = min(LONGEST_PAUSE_SECONDS, max(1.0, 2 * pause)) if is_soon else 0.0

    async def _wait_with(self, channel: Channel, address: str) -> None:
        spot = Spot(channel)
        spots = self._spots[address]
        spots.append(spot)
        try:
            async with asyncio.timeout(self._park_seconds * self._chance(*SHARES)):
                await spot.over.wait()
        except TimeoutError:
            pass
        finally:
            if spot in spots:  # not taken
                spots.remove(spot)
                channel.close()
