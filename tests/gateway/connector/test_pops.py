"""Which POPs have control channels, and when that changes; the POPs' ends are played over socket pairs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from gateway.channel import Channel
from gateway.connector import keeper
from gateway.connector.control import Introduction, Reply
from gateway.connector.dial import PopDial
from gateway.connector.parked import Parked
from gateway.connector.pops import Found, Pops
from gateway.errors import Lost, Unreachable
from gateway.protocol import data
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Drain, Frame, FrameReader, Load, Open, Welcome, encode
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
    """POP addresses by name: `down` ones refuse, `mute` ones take TCP only; each is 20 ms behind the last."""

    def __init__(self, *names: str) -> None:
        self.names, self.named = names, frozenset[str]()
        self.down, self.mute = set[str](), set[str]()
        self.rtt_ms = {name: 20.0 * number for number, name in enumerate(names)}
        self.lines: dict[str, Channel] = {}
        self.pop_of: dict[str, str] = {}
        self.parked: dict[str, list[Channel]] = {name: [] for name in names}

        def dial() -> PopDial:
            return cast("PopDial", self)

        self.pops = Pops(dial, self._find, Introduction("c1", "l1"), Parked(dial), retry_seconds=0.05)

    async def _find(self) -> Found:
        return Found(self.names, self.named, 0.0)

    async def measure(self, address: str) -> float:
        if address in self.down:
            raise Unreachable(address)
        return self.rtt_ms[address]

    async def open(self, address: str, alpn: str) -> Channel:
        if address in self.down:
            raise Unreachable(address)
        if address in self.mute:
            raise Lost("TLS handshake: not done within 5 s")
        if alpn == data.ALPN:
            near, far = tcp_pair()
            self.parked[address].append(far)
            return near
        near, self.lines[address] = tcp_pair()
        await self.send(address, Welcome(self.pop_of.get(address, address), 1))
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


def test_a_pop_that_takes_tcp_and_says_nothing_is_passed_over() -> None:
    """Its round trip is the best of all, and it never finishes a handshake."""
    world = World("a", "b", "c")
    world.mute.add("a")

    async def story() -> None:
        await world.stands_at("b", "c")

    play(world, story)


def test_a_dead_address_is_left_alone_and_the_other_hosts_serve() -> None:
    """One POP, three hosts: the dead one's address takes no channel."""
    world = World("a1", "a2", "a3")
    world.down.add("a2")

    async def story() -> None:
        await world.stands_at("a1", "a3")

    play(world, story)


def test_two_hosts_of_one_pop_give_way_to_a_second_pop() -> None:
    """Which POP an address belongs to is known when a channel stands: then one of the two is moved."""
    world = World("a1", "a2", "b")
    world.pop_of = {"a1": "a", "a2": "a"}

    async def story() -> None:
        await world.stands_at("a1", "b")

    play(world, story)


def test_a_pop_that_became_slow_is_left_for_a_better_one() -> None:
    """Between two measurements: its pings tell."""
    world = World("a", "b", "c")

    async def story() -> None:
        await world.stands_at("a", "b")
        channel = world.pops._keepers["a"].channel
        assert channel is not None
        channel.rtt_ms = 300.0
        await world.stands_at("b", "c")

    play(world, story)


def test_a_new_answer_of_the_name_is_looked_at_at_once() -> None:
    """A POP that the name newly resolves to takes the place of a slower one."""
    world = World("a", "b", "c")
    everything, world.names = world.names, ("b", "c")

    async def story() -> None:
        await world.stands_at("b", "c")
        world.names, world.named = everything, frozenset({"a"})
        await world.stands_at("a", "b")

    play(world, story)


def test_make_before_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old channel draws nothing new, serves a while longer and closes; the new one stands before."""
    monkeypatch.setattr(keeper, "LEAVE_SECONDS", 0.1)
    world = World("a", "b", "c")

    async def story() -> None:
        await world.stands_at("a", "b")
        reader, seen = FrameReader(CloseCode.CONNECTOR_OTHER), list[Frame]()
        await world.send("a", Drain(60))
        while more := await world.lines["a"].read():
            seen += reader.receive(more)
        assert Load(0, 10, draining=True) in seen
        assert set(world.pops.standing) == {"b", "c"}

    play(world, story)


def test_channels_are_parked_where_control_channels_stand() -> None:
    """Two at each; none stays at a POP that drains."""
    world = World("a", "b")

    async def story() -> None:
        await world.stands_at("a", "b")
        while [len(world.parked[name]) for name in "ab"] != [2, 2]:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.01)
        await world.send("a", Drain(60))
        for channel in world.parked["a"]:
            assert await channel.read() == b""

    play(world, story)
