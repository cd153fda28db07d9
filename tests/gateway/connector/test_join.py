"""What a connector does with an `Open`; the POP's end of the data channel is played here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import cast

from gateway.channel import Channel
from gateway.connector.allow import parse_allow_list
from gateway.connector.dial import PopDial, open_vda
from gateway.connector.echo import serve_echo
from gateway.connector.health import Health
from gateway.connector.join import Joins
from gateway.connector.parked import Parked
from gateway.connector.streams import Streams
from gateway.connector.wires import Wires
from gateway.errors import Lost, Unreachable
from gateway.protocol import data
from gateway.protocol.budget import Budget
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Frame, Load, Open, Opened, Refused
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Data, Event
from tests.gateway.pairs import tcp_pair

KEY = b"k" * 32


class Pop:
    """Takes the connector's data channels; `is_dead` refuses them."""

    def __init__(self) -> None:
        self.is_dead = False
        self.came: asyncio.Queue[Channel] = asyncio.Queue()
        self.kept: list[Channel] = []

    async def open(self, address: str, alpn: str) -> Channel:
        if self.is_dead:
            raise Unreachable(address)
        near, far = tcp_pair()
        self.came.put_nowait(far)
        return near

    async def accept(self, code: CloseCode | None = None) -> tuple[bytes, Channel]:
        """Answer the next data channel that says something; return its nonce."""
        while True:
            channel = await self.came.get()
            self.kept.append(channel)
            with contextlib.suppress(Lost):
                hello = data.parse_hello(await channel.read_exactly(data.HELLO_BYTES))
                assert hello is not None
                assert hello.is_proved(KEY)
                await channel.write(data.encode_answer(code))
                return hello.nonce, channel


class Scene:
    """A connector of capacity 2 with an echo VDA."""

    def __init__(self, tasks: asyncio.TaskGroup, port: int) -> None:
        self.pop, self.said = Pop(), asyncio.Queue[Frame]()
        streams = Streams(Budget(), tasks, park_seconds=0.5)
        allow = parse_allow_list(["127.0.0.1:*"])

        def dial() -> PopDial:
            return cast("PopDial", self.pop)

        self.parked = Parked(dial)
        self.health = Health(busy=lambda: 7)
        self.joins = Joins(
            Wires(dial, self.parked),
            lambda target: open_vda(target, allow),
            streams,
            tasks,
            2,
            self.health,
        )
        self._port, self._nonce = port, 0

    def request(self, **changes: object) -> Open:
        self._nonce += 1
        nonce = self._nonce.to_bytes(16, "big")
        session = nonce.hex()
        order = Open(nonce, KEY, session, "l1", "127.0.0.1", self._port, ("pop:1",), "pop-a", 2000)
        return replace(order, **changes)  # type: ignore[arg-type]

    def open(self, order: Open) -> None:
        self.joins.open(order, self.said.put_nowait)

    async def refusal(self, order: Open) -> CloseCode:
        self.open(order)
        frame = await self.said.get()
        assert isinstance(frame, Refused)
        return frame.code


@contextlib.asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    server = await serve_echo("127.0.0.1", 0)
    async with asyncio.timeout(10), server, asyncio.TaskGroup() as tasks:
        one = Scene(tasks, server.sockets[0].getsockname()[1])
        yield one
        one.joins.stop()


def play(story: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        async with scene() as one:
            await story(one)

    asyncio.run(run())


def test_a_plain_session() -> None:
    """Nonce proved, Opened said, bytes echoed, half-close kept, the session gone afterwards."""

    async def story(one: Scene) -> None:
        order = one.request()
        one.open(order)
        nonce, channel = await one.pop.accept()
        opened = await one.said.get()
        assert isinstance(opened, Opened)
        assert (nonce, opened.nonce) == (order.nonce, order.nonce)
        assert one.joins.load == Load(1, 2, cpu_percent=7)
        await channel.write(b"hello")
        channel.finish()
        assert await channel.read_exactly(5) == b"hello"
        assert await channel.read() == b""
        await one.joins.wait_empty()

    play(story)


def test_a_resumable_session_outlives_its_wire() -> None:
    """The VDA is held while no wire stands; a proved RESUME on the next wire goes on where it was."""

    async def story(one: Scene) -> None:
        order = one.request(mode="rsp")
        client = Endpoint(order.session, is_initiator=True, budget=Budget())
        one.open(order)
        _, wire = await one.pop.accept()
        await greet(client, wire, 1)
        client.send(b"hello ")
        await wire.write(client.take())
        wire.close()
        client.lost()
        again = one.request(mode="rsp", session=order.session, epoch=2, resume=True)
        one.open(again)
        _, wire = await one.pop.accept()
        got = await greet(client, wire, 2)
        client.send(b"world")
        await wire.write(client.take())
        while len(got) < 11:
            got += take(client, client.receive(await wire.read()))
        assert got == b"hello world"

    play(story)


async def greet(client: Endpoint, wire: Channel, epoch: int) -> bytes:
    """Exchange RESUMEs; return the data that came right behind."""
    await wire.write(client.offer(epoch))
    answer = b""
    while not client.has_greeting(answer):
        answer += await wire.read()
    return take(client, client.adopt(answer, epoch))


def take(client: Endpoint, events: list[Event]) -> bytes:
    got = b"".join(event.payload for event in events if isinstance(event, Data))
    client.consumed(len(got))
    return got


def test_a_session_nobody_comes_back_to_is_let_go() -> None:
    """After the park time the VDA's connection ends and the session counts no more."""

    async def story(one: Scene) -> None:
        one.open(one.request(mode="rsp"))
        _, wire = await one.pop.accept()
        wire.close()
        await one.said.get()
        await one.joins.wait_empty()

    play(story)


def test_refusals() -> None:
    """Each has the code of the party at fault."""

    async def story(one: Scene) -> None:
        assert await one.refusal(one.request(port=1)) is CloseCode.VDA_REFUSED
        assert await one.refusal(one.request(host="127.0.0.9")) is CloseCode.CONNECTOR_TARGET_DENIED
        unknown = one.request(mode="rsp", resume=True, epoch=2)
        assert await one.refusal(unknown) is CloseCode.CONNECTOR_SESSION_UNKNOWN
        one.open(one.request())
        await one.pop.accept(CloseCode.CONNECTOR_NONCE)
        refused = await one.said.get()
        assert isinstance(refused, Refused)
        assert refused.code is CloseCode.CONNECTOR_NONCE
        assert await one.refusal(one.request(deadline_ms=1)) is CloseCode.CONNECTOR_TIMEOUT
        one.pop.is_dead = True
        assert await one.refusal(one.request()) is CloseCode.POP_LOST
        await one.joins.wait_empty()
        assert one.joins.load.failed == 6

    play(story)


def test_full_and_draining() -> None:
    """Above capacity, and while it drains, a connector takes nothing new."""

    async def story(one: Scene) -> None:
        for _ in range(2):
            one.open(one.request())
            await one.pop.accept()
            await one.said.get()
        assert await one.refusal(one.request()) is CloseCode.CONNECTOR_FULL
        one.joins.is_draining = True
        assert await one.refusal(one.request()) is CloseCode.CONNECTOR_DRAINING

    play(story)


def test_cancel() -> None:
    """A request that is not joined yet is given up without an answer."""

    async def story(one: Scene) -> None:
        order = one.request()
        one.open(order)
        channel = await one.pop.came.get()
        one.joins.cancel(order.nonce)
        await one.joins.wait_empty()
        assert one.said.empty()
        channel.close()

    play(story)
