"""Keeps one POP address: its control channel, dialled again when it breaks, and the channels parked there.

Tells when the address is not worth dialling for a while: it broke, it does not finish a handshake, it drains.
Which addresses are kept is for `pops` to say.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from gateway.connector.control import ControlChannel, Introduction, Opener
from gateway.connector.dial import PopDial
from gateway.connector.parked import Parked
from gateway.errors import GatewayError
from gateway.protocol import control

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 15.0
"""A channel that breaks is dialled again after a random pause that doubles up to this, so that a POP's return
is not greeted by all its connectors at once."""
SHUN_SECONDS: Final = 10.0
LONGEST_SHUN_SECONDS: Final = 120.0
LEAVE_SECONDS: Final = 12.0
"""A channel that is given up serves the opens under way this long: a POP's launch time-out and a little."""


class Keeper:
    """One address. Calls `shun(address, seconds)` when others are better meanwhile, `stood(address)` then."""

    def __init__(
        self,
        address: str,
        dial: Callable[[], PopDial],
        introduction: Introduction,
        opener: Opener,
        parked: Parked,
        *,
        shun: Callable[[str, float], None],
        stood: Callable[[str], None],
    ) -> None:
        self.address, self._dial, self._introduction = address, dial, introduction
        self._opener, self._parked, self._shun, self._stood = opener, parked, shun, stood
        self.channel: ControlChannel | None = None
        """The control channel while it stands."""
        self._is_leaving = False
        self._holding: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pop(self) -> str:
        """Return the POP's name while the control channel stands."""
        return self.channel.pop if self.channel is not None else ""

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Keep it from now on, until `leave` or the end of `tasks`."""
        self._task = tasks.create_task(self._run())

    async def leave(self) -> None:
        """Take nothing new, finish the opens under way, close. Returns when it is closed."""
        self._is_leaving = True
        if self.channel is not None:
            self.channel.leave()
            await asyncio.sleep(LEAVE_SECONDS)
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        failures = 0
        while not self._is_leaving:
            try:
                channel = ControlChannel(
                    await self._dial().open(self.address, control.ALPN), self._opener, self._drains
                )
                await self._stand(channel)
            except GatewayError as error:
                failures = 1 if self.channel is not None else failures + 1
                log.warning("control.lost", extra={"pop_address": self.address, "reason": str(error)})
            finally:
                self.channel = None
            self._shun(self.address, min(LONGEST_SHUN_SECONDS, SHUN_SECONDS * 2 ** (failures - 1)))
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**failures)
            await asyncio.sleep(random.uniform(0, longest))

    async def _stand(self, channel: ControlChannel) -> None:
        try:
            await channel.greet(self._introduction)
        except BaseException:
            channel.close()
            raise
        self.channel = channel
        self._stood(self.address)
        log.info("control.standing", extra={"pop": channel.pop, "pop_address": self.address})
        self._holding = asyncio.ensure_future(self._parked.hold(self.address))
        if channel.is_draining:  # it said so with its Welcome
            self._holding.cancel()
        try:
            await channel.serve()
        finally:
            self._holding.cancel()
            await asyncio.wait({self._holding})

    def _drains(self, seconds: int) -> None:
        """The POP wants to be empty in so many seconds; 0: it serves again."""
        if self._holding is not None:
            self._holding.cancel()
            if not seconds:
                self._holding = asyncio.ensure_future(self._hold_after(self._holding))
        self._shun(self.address, min(LONGEST_SHUN_SECONDS, float(seconds)))

    async def _hold_after(self, before: asyncio.Future[None]) -> None:
        await asyncio.wait({before})
        await self._parked.hold(self.address)
