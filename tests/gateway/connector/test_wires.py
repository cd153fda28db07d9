"""A data channel for each open: parked, fresh, or whichever of the two answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import cast

import pytest

from gateway.channel import Channel
from gateway.connector.dial import PopDial
from gateway.connector.parked import Parked
from gateway.connector.wires import Wires
from gateway.errors import Unreachable
from gateway.protocol import data
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Open
from gateway.protocol.errors import ProtocolError
from tests.gateway.pairs import tcp_pair

OPEN = Open(b"n" * 16, b"k" * 32, "ab" * 16, "l1", "10.0.0.1", 2598, ("pop:1",), "pop-a", 3000)
NO = CloseCode.CONNECTOR_NONCE


class Pop:
    """Far ends: number 0 belongs to a channel that waits, later ones are dialled."""

    def __init__(self) -> None:
        near, far = tcp_pair()
        self.waiting, self.far = [near], [far]
        self.dropped: list[str] = []
        self.is_dead = False
        self.wires = Wires(lambda: cast("PopDial", self), cast("Parked", self))

    async def open(self, address: str, alpn: str) -> Channel:
        if self.is_dead:
            raise Unreachable(address)
        near, far = tcp_pair()
        self.far.append(far)
        return near

    def take(self, addresses: Iterable[str]) -> Channel | None:
        return self.waiting.pop() if self.waiting else None

    def drop(self, addresses: Iterable[str]) -> None:
        self.dropped += addresses

    async def answer(self, number: int, code: CloseCode | None = None) -> None:
        """Answer the preamble on the channel of this number as soon as there is one."""
        while len(self.far) <= number:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.005)
        hello = data.parse_hello(await self.far[number].read_exactly(data.HELLO_BYTES))
        assert hello is not None
        assert hello.is_proved(OPEN.key)
        await self.far[number].write(data.encode_answer(code))

    async def came(self) -> Channel:
        """Serve one open from reaching to the proved channel."""
        return await self.wires.prove(await self.wires.reach(OPEN), OPEN)


def play(story: Callable[[Pop], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await story(Pop())

    asyncio.run(run())


async def is_joined(channel: Channel, far: Channel) -> bool:
    await channel.write(b"x")
    return await far.read() == b"x"


def test_a_parked_channel_serves_without_a_dial() -> None:
    """The next open, with none waiting, is dialled for."""

    async def story(pop: Pop) -> None:
        for number in (0, 1):
            coming = asyncio.ensure_future(pop.came())
            await pop.answer(number)
            assert await is_joined(await coming, pop.far[number])
            assert len(pop.far) == number + 1

    play(story)


def test_one_that_breaks_is_followed_by_a_fresh_one() -> None:
    """The POP reset it just when it was used: the launch goes on at once, with the same nonce."""

    async def story(pop: Pop) -> None:
        loop = asyncio.get_running_loop()
        pop.far[0].abort()
        begun = loop.time()
        coming = asyncio.ensure_future(pop.came())
        await pop.answer(1)
        assert await is_joined(await coming, pop.far[1])
        assert loop.time() - begun < 0.2
        assert pop.dropped == ["pop:1"]

    play(story)


def test_one_that_is_dead_without_a_sign_costs_a_quarter_second() -> None:
    """It takes the bytes and no answer comes: a fresh rival wins, the dead one is closed."""

    async def story(pop: Pop) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        coming = asyncio.ensure_future(pop.came())
        await pop.answer(1)
        assert await is_joined(await coming, pop.far[1])
        assert 0.2 < loop.time() - begun < 2
        await pop.far[0].read_exactly(data.HELLO_BYTES)
        assert await pop.far[0].read() == b""

    play(story)


def test_one_that_was_only_slow_still_wins() -> None:
    """The POP took the nonce on the parked channel and refuses the rival: the late yes counts."""

    async def story(pop: Pop) -> None:
        coming = asyncio.ensure_future(pop.came())
        await pop.answer(1, NO)
        await pop.answer(0)
        assert await is_joined(await coming, pop.far[0])
        assert await pop.far[1].read() == b""

    play(story)


def test_a_refusal_is_final() -> None:
    """The POP itself says no on the parked channel: it would say so again."""

    async def story(pop: Pop) -> None:
        coming = asyncio.ensure_future(pop.came())
        await pop.answer(0, NO)
        with pytest.raises(ProtocolError) as caught:
            await coming
        assert caught.value.code is NO
        assert len(pop.far) == 1

    play(story)


def test_nobody_there_is_the_pops_fault() -> None:
    """A dead channel and no dial, or no channel and no dial: the code names the POP."""

    async def story(pop: Pop) -> None:
        pop.is_dead = True
        pop.far[0].abort()
        for _ in range(2):
            with pytest.raises(ProtocolError) as caught:
                await pop.came()
            assert caught.value.code is CloseCode.POP_LOST

    play(story)


def test_a_cancelled_open_leaves_nothing_open() -> None:
    """The client left while parked and fresh channel were both asked."""

    async def story(pop: Pop) -> None:
        coming = asyncio.ensure_future(pop.came())
        while len(pop.far) < 2:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.005)
        await pop.far[1].read_exactly(data.HELLO_BYTES)
        coming.cancel()
        await asyncio.wait({coming})
        await pop.far[0].read_exactly(data.HELLO_BYTES)
        assert (await pop.far[0].read(), await pop.far[1].read()) == (b"", b"")

    play(story)
