"""Chooses the two POP addresses at which control channels stand, and moves them when others become better.

Every address that is configured or that the gateway's name resolves to is measured: once a minute, when a
channel breaks, drains or becomes slow, and when the name's answer changes. What is best is `choose`'s to
say, keeping one is `keeper`'s. A new channel stands before an old one is left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from gateway.connector.choose import PopView, choose, is_worse
from gateway.connector.control import Introduction, Opener
from gateway.connector.dial import PopDial
from gateway.connector.keeper import Keeper
from gateway.connector.parked import Parked
from gateway.errors import GatewayError
from gateway.protocol import control

log = logging.getLogger(__name__)

CHANNELS: Final = 2
MEASURE_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 5.0
"""Between measurements while no POP is known, and between looks at how slow the chosen ones became."""
HANDOVER_SECONDS: Final = 10.0
"""The longest that an old channel is kept for a new one that does not come to stand."""


@dataclass(frozen=True, slots=True)
class Found:
    """POP addresses (`host:port`) to choose from; `named` are those of the gateway's name.

    The answer holds for so many seconds.
    """

    addresses: tuple[str, ...]
    named: frozenset[str]
    seconds: float


Find = Callable[[], Awaitable[Found]]


class Pops:
    """The control channels of one connector."""

    def __init__(
        self,
        dial: Callable[[], PopDial],
        find: Find,
        introduction: Introduction,
        parked: Parked,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._retry_seconds = retry_seconds
        self._dial, self._find, self._introduction, self._parked = dial, find, introduction, parked
        self._found = Found((), frozenset(), 0.0)
        self._views: dict[str, PopView] = {}
        self._keepers: dict[str, Keeper] = {}
        self._shunned_until: dict[str, float] = {}
        self._is_due, self._has_changed = asyncio.Event(), asyncio.Event()

    @property
    def standing(self) -> tuple[str, ...]:
        """Return the addresses with a control channel now."""
        return tuple(address for address, keeper in self._keepers.items() if keeper.channel is not None)

    def broadcast(self, frame: control.Frame) -> None:
        """Send a frame on every control channel."""
        for keeper in self._keepers.values():
            if keeper.channel is not None:
                keeper.channel.send(frame)

    async def run(self, opener: Opener) -> None:
        """Look up, measure, choose and keep, until cancelled."""
        self._found = await self._find()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_name())
            tasks.create_task(self._watch())
            while True:
                self._is_due.clear()
                await self._measure()
                chosen = choose(list(self._views.values()), self._keepers, CHANNELS)
                self._settle(chosen, opener, tasks)
                await _wait(self._is_due, MEASURE_SECONDS if chosen else self._retry_seconds)

    def _settle(self, chosen: tuple[str, ...], opener: Opener, tasks: asyncio.TaskGroup) -> None:
        for address in chosen:
            if address not in self._keepers:
                keeper = Keeper(
                    address, self._dial, self._introduction, opener, self._parked,
                    shun=self._shun, stood=self._stood,
                )  # fmt: skip
                keeper.start(tasks)
                self._keepers[address] = keeper
        for address in set(self._keepers) - set(chosen):
            tasks.create_task(self._hand_over(self._keepers.pop(address), chosen))

    async def _hand_over(self, keeper: Keeper, chosen: tuple[str, ...]) -> None:
        """Leave a POP when those that take its place stand."""
        try:
            async with asyncio.timeout(HANDOVER_SECONDS):
                while keeper.channel is not None and not set(chosen) <= set(self.standing):
                    self._has_changed.clear()
                    await self._has_changed.wait()
        except TimeoutError:
            log.warning("control.left_early", extra={"pop_address": keeper.address})
        await keeper.leave()

    def _stood(self, address: str) -> None:
        """An address that turns out to be of a POP that has one already is compared anew."""
        self._has_changed.set()
        pop = self._keepers[address].pop if address in self._keepers else ""
        others = [one for name, one in self._keepers.items() if name != address]
        if pop and any(one.pop == pop for one in others):
            self._is_due.set()

    def _shun(self, address: str, seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        if not seconds or self._shunned_until.get(address, 0.0) <= now:
            self._is_due.set()
        self._shunned_until[address] = now + seconds
        self._has_changed.set()

    async def _follow_name(self) -> None:
        """Ask for the name again when its answer has run out; what is new is measured at once."""
        while True:
            await asyncio.sleep(max(self._retry_seconds, self._found.seconds))
            found = await self._find()
            is_new = (set(found.addresses), found.named) != (set(self._found.addresses), self._found.named)
            self._found = found
            if is_new:
                log.info("pops.found", extra={"addresses": ",".join(found.addresses)})
                self._is_due.set()

    async def _watch(self) -> None:
        """Compare again when a chosen POP has become slow."""
        while True:
            await asyncio.sleep(self._retry_seconds)
            for address, keeper in self._keepers.items():
                chosen_ms = self._views[address].rtt_ms if address in self._views else None
                if keeper.channel is None or chosen_ms is None:
                    continue
                if is_worse(keeper.channel.rtt_ms, chosen_ms):
                    log.info("pop.slow", extra={"pop_address": address, "was_ms": round(chosen_ms)})
                    self._is_due.set()

    async def _measure(self) -> None:
        addresses = dict.fromkeys(self._found.addresses)
        views = await asyncio.gather(*(self._look_at(address) for address in addresses))
        self._views = {view.address: view for view in views}
        self._shunned_until = {key: until for key, until in self._shunned_until.items() if key in addresses}

    async def _look_at(self, address: str) -> PopView:
        known = self._views.get(address, PopView(address))
        view = replace(known, rtt_ms=None, is_draining=False, is_named=address in self._found.named)
        keeper = self._keepers.get(address)
        if keeper is not None and (channel := keeper.channel) is not None:
            return replace(view, pop=channel.pop, rtt_ms=channel.rtt_ms, is_draining=channel.is_draining)
        if self._shunned_until.get(address, 0.0) > asyncio.get_running_loop().time():
            return view
        try:
            return replace(view, rtt_ms=await self._dial().measure(address))
        except GatewayError:
            return view


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
