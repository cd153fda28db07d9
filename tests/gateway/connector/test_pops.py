"""Keeping control channels standing, against POPs that are real listeners."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from gateway.channel import Channel
from gateway.connector.control import Introduction, Reply
from gateway.connector.dial import PopDial
from gateway.connector.pops import Pops
from gateway.errors import Unreachable
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Drain, Frame, Load, Open, Welcome, encode
from tests.gateway.pairs import tcp_pair


class Opener:
    load = Load(0, 10)

    def open(self, request: Open, reply: Reply) -> None:
        pass

    def cancel(self, nonce: bytes) -> None:
        pass

    def end(self, session: str, code: CloseCode) -> None:
        pass

    def pop_drains(self, pop: str, seconds: int) -> None:
        pass


class World:
    """POP addresses by name; `down` ones refuse, `slow` ones take that many seconds to be reached."""

    def __init__(self, *names: str) -> None:
        self.names, self.down = list(names), set[str]()
        self.slow = {name: 0.02 * number for number, name in enumerate(names)}
        self.lines: dict[str, Channel] = {}
        self.pops = Pops(lambda: cast("PopDial", self), self._find, Introduction("c1", "l1"))

    async def _find(self) -> Sequence[str]:
        return self.names

    async def reach(self, address: str) -> Channel:
        if address in self.down:
            raise Unreachable(address)
        await asyncio.sleep(self.slow[address])
        return tcp_pair()[0]

    async def open(self, address: str, alpn: str) -> Channel:
        if address in self.down:
            raise Unreachable(address)
        near, self.lines[address] = tcp_pair()
        await self.send(address, Welcome(address, 1))
        return near

    async def send(self, address: str, frame: Frame) -> None:
        await self.lines[address].write(encode(frame))

    async def stands_at(self, *names: str) -> None:
        """Return when exactly these have a control channel."""
        while set(self.pops.standing) != set(names):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.01)


def play(world: World, story: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            running = asyncio.create_task(world.pops.run(Opener()))
            await story()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


def test_the_two_nearest_then_what_is_left() -> None:
    """A POP that dies is replaced by the next one; one that comes back with nothing better is kept again."""
    world = World("a", "b", "c")

    async def story() -> None:
        await world.stands_at("a", "b")
        world.down.add("a")
        world.lines["a"].close()
        await world.stands_at("b", "c")

    play(world, story)


def test_a_broken_channel_is_dialled_again() -> None:
    """The only POP comes back: so does the channel, after a short random pause."""
    world = World("a")

    async def story() -> None:
        await world.stands_at("a")
        world.down.add("a")
        world.lines["a"].close()
        await world.stands_at()
        world.down.clear()
        await world.stands_at("a")

    play(world, story)


def test_a_draining_pop_is_left() -> None:
    """As soon as it says so, if there is another."""
    world = World("a", "b", "c")

    async def story() -> None:
        await world.stands_at("a", "b")
        await world.send("a", Drain(60))
        await world.stands_at("b", "c")

    play(world, story)
