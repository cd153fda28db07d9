"""One control channel, the POP's side played over a socket pair."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from gateway.channel import Channel
from gateway.connector.control import ControlChannel, Introduction, Reply
from gateway.errors import Lost
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Cancel,
    Drain,
    End,
    Frame,
    FrameReader,
    Hello,
    Load,
    Open,
    Opened,
    Ping,
    Pong,
    Welcome,
    Withdraw,
    encode,
)

OPEN = Open(b"n" * 16, b"k" * 32, "ab" * 16, "l1", "10.0.0.1", 2598, ("127.0.0.1:1",), "pop-a", 3000)


class Opener:
    def __init__(self) -> None:
        self.said: list[object] = []

    @property
    def load(self) -> Load:
        return Load(3, 100)

    def open(self, request: Open, reply: Reply) -> None:
        reply(Opened(request.nonce, 1, 2))

    def cancel(self, nonce: bytes) -> None:
        self.said.append(nonce)

    def end(self, session: str, code: CloseCode) -> None:
        self.said.append((session, code))

    def pop_drains(self, pop: str, seconds: int) -> None:
        self.said.append((pop, seconds))


class Pop:
    """The POP's end of the pair."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        for one in (near, far):
            one.setblocking(False)
        self.opener = Opener()
        self.drained = 0
        self.channel = Channel(far, loop)
        self.control = ControlChannel(Channel(near, loop), self.opener, self._drain)
        self._reader = FrameReader(CloseCode.CONNECTOR_PROTOCOL)
        self._frames: list[Frame] = []

    def _drain(self, seconds: int) -> None:
        self.drained = seconds

    async def send(self, *frames: Frame) -> None:
        await self.channel.write(b"".join(encode(frame) for frame in frames))

    async def receive(self, kind: type[Frame]) -> Frame:
        """Return the next frame of a kind, pass over others."""
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                if isinstance(frame, kind):
                    return frame
            self._frames += self._reader.receive(await self.channel.read())


def play(story: Callable[[Pop], object]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await story(Pop())  # type: ignore[misc]

    asyncio.run(bounded())


async def greeted(pop: Pop, *more: Frame) -> None:
    await pop.send(Welcome("pop-a", 1), *more)
    await pop.control.greet(Introduction("c1", "l1"))


def test_the_greeting() -> None:
    """Hello names connector, location and load; frames right behind the Welcome are not lost."""

    async def story(pop: Pop) -> None:
        await greeted(pop, Cancel(b"x" * 16))
        hello = await pop.receive(Hello)
        assert hello == Hello("connector", "c1", location="l1", sessions=3, capacity=100)
        assert pop.control.pop == "pop-a"
        assert pop.opener.said == [b"x" * 16]

    play(story)


def test_a_wrong_greeting_is_a_loss() -> None:
    """Anything but Welcome first ends the channel."""

    async def story(pop: Pop) -> None:
        await pop.send(Ping(1))
        with pytest.raises(Lost, match="began with Ping"):
            await pop.control.greet(Introduction("c1", "l1"))

    play(story)


def test_what_a_pop_may_ask() -> None:
    """Open is answered, Ping too, the load is told unasked; drains and ends reach the connector."""

    async def story(pop: Pop) -> None:
        await greeted(pop)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(pop.control.serve())
            await pop.send(OPEN, Ping(7), Drain(60), End("ab" * 16, CloseCode.BROKER_ENDED))
            assert await pop.receive(Opened) == Opened(OPEN.nonce, 1, 2)
            assert await pop.receive(Pong) == Pong(7)
            assert await pop.receive(Load) == Load(3, 100)
            assert pop.opener.said == [("pop-a", 60), ("ab" * 16, CloseCode.BROKER_ENDED)]
            assert (pop.drained, pop.control.is_draining) == (60, True)
            await pop.send(Load(0, 9000, draining=True))
            await pop.send(Load(0, 9000), Ping(8))
            while await pop.receive(Pong) != Pong(8):
                pass
            assert (pop.drained, pop.control.is_draining) == (0, False)  # it serves again: choose anew
            serving.cancel()

    play(story)


def test_the_round_trip_is_that_of_pings() -> None:
    """Measured end to end, so a proxy between does not hide a slow POP; a late answer weighs a quarter."""

    async def story(pop: Pop) -> None:
        await greeted(pop)
        before = pop.control.rtt_ms
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(pop.control.serve())
            ping = await pop.receive(Ping)
            assert isinstance(ping, Ping)
            await asyncio.sleep(0.2)
            await pop.send(Pong(ping.token + 1), Pong(ping.token))
            await pop.receive(Ping)
            assert before + 40 < pop.control.rtt_ms < before + 400
            serving.cancel()

    play(story)


def test_a_channel_that_is_left_says_so() -> None:
    """It draws nothing new; what the connector says of the others stays as it is."""

    async def story(pop: Pop) -> None:
        await greeted(pop)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(pop.control.serve())
            pop.control.leave()
            for _ in range(2):  # at once, and with every later report
                assert await pop.receive(Load) == Load(3, 100, draining=True)
            serving.cancel()

    play(story)


@pytest.mark.parametrize("ending", ["close", "withdraw", "garbage"])
def test_how_it_ends(ending: str) -> None:
    """A closed channel, a frame no POP may send and bytes that are no frame end it as lost."""

    async def story(pop: Pop) -> None:
        await greeted(pop)
        if ending == "close":
            pop.channel.close()
        elif ending == "withdraw":
            await pop.send(Withdraw("c1"))
        else:
            await pop.channel.write(b"\xff" * 8)
        with pytest.raises(Lost):
            await pop.control.serve()

    play(story)


def test_a_silent_pop_is_given_up() -> None:
    """Three of its own ping intervals without a word."""

    async def story(pop: Pop) -> None:
        await pop.send(Welcome("pop-a", 0))
        await pop.control.greet(Introduction("c1", "l1"))
        with pytest.raises(Lost, match="silent"):
            await pop.control.serve()

    play(story)


@pytest.mark.parametrize("turns", range(6))
def test_told_to_stop_as_the_pop_leaves(turns: int) -> None:
    """Whichever comes first by a turn of the event loop: who was cancelled ends cancelled."""

    async def story(pop: Pop) -> None:
        await greeted(pop)
        serving = asyncio.create_task(pop.control.serve())
        await pop.receive(Load)
        pop.channel.close()
        for _ in range(turns):
            await asyncio.sleep(0)
        was_asked = serving.cancel()
        await asyncio.wait([serving])
        assert serving.cancelled() == was_asked

    play(story)
