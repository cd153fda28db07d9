"""Keeps control channels standing at the best two POPs, and moves them when others become better.

Every address that is configured or that the gateway's name resolves to is measured from time to time; what
is best is `choose`'s to say. A channel that breaks is dialled again after a random pause that doubles up to
15 s, so that a POP's return is not greeted by all its connectors at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.connector.choose import PopView, choose
from gateway.connector.control import ControlChannel, Introduction, Opener
from gateway.connector.dial import PopDial
from gateway.errors import GatewayError
from gateway.protocol import control

log = logging.getLogger(__name__)

CHANNELS: Final = 2
MEASURE_SECONDS: Final = 60.0
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 15.0

Find = Callable[[], Awaitable[Sequence[str]]]
"""Returns the POP addresses (`host:port`) to choose from."""


class Pops:
    """The control channels of one connector."""

    def __init__(self, dial: Callable[[], PopDial], find: Find, introduction: Introduction) -> None:
        self._dial, self._find, self._introduction = dial, find, introduction
        self._views: dict[str, PopView] = {}
        self._standing: dict[str, ControlChannel] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._is_due = asyncio.Event()

    @property
    def standing(self) -> tuple[str, ...]:
        """Return the addresses with a control channel now."""
        return tuple(self._standing)

    def broadcast(self, frame: control.Frame) -> None:
        """Send a frame on every control channel."""
        for channel in self._standing.values():
            channel.send(frame)

    async def run(self, opener: Opener) -> None:
        """Measure, choose and keep, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._measure()
                chosen = choose(list(self._views.values()), self._keepers, CHANNELS)
                for address in set(self._keepers) - set(chosen):
                    self._keepers.pop(address).cancel()
                for address in chosen:
                    if address not in self._keepers:
                        self._keepers[address] = tasks.create_task(self._keep(address, opener))
                self._is_due.clear()
                await _wait(self._is_due, MEASURE_SECONDS if chosen else LONGEST_PAUSE_SECONDS)

    async def _measure(self) -> None:
        found = list(dict.fromkeys(await self._find()))
        views = await asyncio.gather(*(self._look_at(address) for address in found))
        self._views = {view.address: view for view in views}

    async def _look_at(self, address: str) -> PopView:
        standing = self._standing.get(address)
        if standing is not None:
            return PopView(address, standing.pop, standing.rtt_ms, standing.is_draining)
        known = self._views.get(address, PopView(address))
        started = asyncio.get_running_loop().time()
        try:
            (await self._dial().reach(address)).close()
        except GatewayError:
            return PopView(address, known.pop, None)
        return PopView(address, known.pop, (asyncio.get_running_loop().time() - started) * 1000)

    async def _keep(self, address: str, opener: Opener) -> None:
        failures = 0
        while True:
            try:
                channel = ControlChannel(
                    await self._dial().open(address, control.ALPN), opener, self._is_due.set
                )
                await self._stand(address, channel)
            except GatewayError as error:
                failures = 1 if address in self._standing else failures + 1
                log.warning("control.lost", extra={"pop_address": address, "reason": str(error)})
            finally:
                self._standing.pop(address, None)
            if failures == 1:
                self._is_due.set()
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**failures)
            await asyncio.sleep(random.uniform(0, longest))

    async def _stand(self, address: str, channel: ControlChannel) -> None:
        try:
            await channel.greet(self._introduction)
        except BaseException:
            channel.close()
            raise
        self._standing[address] = channel
        log.info("control.standing", extra={"pop": channel.pop, "pop_address": address})
        await channel.serve()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
