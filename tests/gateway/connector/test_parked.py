"""Data channels opened in advance, against a POP played over socket pairs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from gateway.channel import Channel
from gateway.connector.dial import PopDial
from gateway.connector.parked import Parked
from gateway.errors import Unreachable
from tests.gateway.pairs import tcp_pair


class Pop:
    """Counts dials and keeps the far ends."""

    def __init__(self) -> None:
        self.far: list[Channel] = []
        self.is_dead = False

    async def open(self, address: str, alpn: str) -> Channel:
        await asyncio.sleep(0)
        if self.is_dead:
            raise Unreachable(address)
        near, far = tcp_pair()
        self.far.append(far)
        return near


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(0.005)


def play(
    story: Callable[[Pop, Parked], Awaitable[None]], *, park_seconds: float = 300.0, pause: float = 0.0
) -> None:
    """Hold channels at `pop:1`; every choice by chance is the larger of the two, a pause is `pause`."""

    def chance(low: float, high: float) -> float:
        return high if low else min(high, pause)

    async def run() -> None:
        pop = Pop()
        parked = Parked(lambda: cast("PopDial", pop), park_seconds=park_seconds, chance=chance)
        async with asyncio.timeout(10):
            holding = asyncio.ensure_future(parked.hold("pop:1"))
            await story(pop, parked)
            holding.cancel()
            await asyncio.wait({holding})
            assert len(parked) == 0

    asyncio.run(run())


def test_one_is_taken_and_another_takes_its_place() -> None:
    """Only at an address that was asked for; it is the taker's then, and stays open."""

    async def story(pop: Pop, parked: Parked) -> None:
        await until(lambda: len(parked) == 2)
        assert parked.take(["pop:9"]) is None
        channel = parked.take(["pop:9", "pop:1"])
        assert channel is not None
        await until(lambda: len(parked) == 2 and len(pop.far) == 3)
        await channel.write(b"x")
        assert await pop.far[1].read() == b"x"
        channel.close()

    play(story)


def test_a_dead_one_is_never_given_out() -> None:
    """Closed by the POP, or spoken on before its time: replaced."""

    async def story(pop: Pop, parked: Parked) -> None:
        await until(lambda: len(parked) == 2)
        pop.far[0].close()
        await pop.far[1].write(b"?")
        assert parked.take(["pop:1"]) is None
        await until(lambda: len(parked) == 2 and len(pop.far) == 4)
        channel = parked.take(["pop:1"])
        assert channel is not None
        channel.close()

    play(story)


def test_each_is_replaced_before_the_pop_would_close_it() -> None:
    """Past a share of the POP's patience the old one ends and a new one is dialled."""

    async def story(pop: Pop, parked: Parked) -> None:
        await until(lambda: len(pop.far) >= 4)
        assert await pop.far[0].read() == b""
        assert await pop.far[1].read() == b""

    play(story, park_seconds=0.1)


def test_a_pop_that_does_not_want_them_is_not_hammered() -> None:
    """Closed as soon as it stands: the next dial waits, and longer each time."""

    async def story(pop: Pop, parked: Parked) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while len(pop.far) < 8:
            for far in pop.far:
                far.close()
            await asyncio.sleep(0.005)
        assert loop.time() - begun >= 3 * 0.1

    play(story, pause=0.1)


def test_a_dead_pop_costs_nothing_but_a_pause() -> None:
    """None is given out while it is away; they come back with it."""

    async def story(pop: Pop, parked: Parked) -> None:
        await until(lambda: len(parked) == 2)
        pop.is_dead = True
        parked.drop(["pop:1"])
        assert parked.take(["pop:1"]) is None
        await asyncio.sleep(0.05)
        pop.is_dead = False
        await until(lambda: len(parked) == 2)

    play(story, pause=0.01)
