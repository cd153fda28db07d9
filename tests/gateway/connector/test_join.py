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
from gateway.protocol.rspframe import GREETING_BYTES, Notice, encode_notice
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
        order, client, wire = await resumable(one)
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


async def resumable(one: Scene) -> tuple[Open, Endpoint, Channel]:
    """Open a resumable session; return its order, the client's end and its first wire, greeted."""
    order = one.request(mode="rsp")
    client = Endpoint(order.session, is_initiator=True, budget=Budget())
    one.open(order)
    _, wire = await one.pop.accept()
    await greet(client, wire, 1)
    return order, client, wire


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


def test_the_next_token_reaches_the_client_on_every_wire() -> None:
    """Inside the stream, at once and again after a resume: the POP hears nothing of it."""

    async def story(one: Scene) -> None:
        order, client, wire = await resumable(one)
        await until(lambda: one.joins.sessions() == (order.session,))
        one.joins.hand_over(order.session, "next")
        one.joins.hand_over("unknown", "nothing")
        assert client.receive(await wire.read()) == [Notice("token", "next")]
        wire.close()
        client.lost()
        one.open(one.request(mode="rsp", session=order.session, epoch=2, resume=True))
        _, wire = await one.pop.accept()
        await wire.write(client.offer(2))
        greeting, notice = GREETING_BYTES, len(encode_notice(Notice("token", "next")))
        events = client.adopt(await wire.read_exactly(greeting + notice), 2)
        assert events[-1] == Notice("token", "next")

    play(story)


def test_ends_are_told_with_who_could_see_them() -> None:
    """A plain session that the client closed is no news for its POP; one that we end is."""

    async def story(one: Scene) -> None:
        ends: list[tuple[str, CloseCode, bool]] = []
        one.joins.tell_ends(lambda *end: ends.append(end))
        plain = one.request()
        one.open(plain)
        _, channel = await one.pop.accept()
        await one.said.get()
        channel.finish()
        assert await channel.read() == b""
        await one.joins.wait_empty()
        forced = one.request()
        one.open(forced)
        await one.pop.accept()
        await one.said.get()
        await until(lambda: one.joins.load.sessions)
        one.joins.end(forced.session, CloseCode.BROKER_ENDED)
        await one.joins.wait_empty()
        held = one.request(mode="rsp")
        one.open(held)
        _, wire = await one.pop.accept()
        await until(lambda: one.joins.sessions())
        one.joins.end(held.session, CloseCode.BROKER_ENDED)
        wire.close()
        await one.joins.wait_empty()
        assert ends == [
            (plain.session, CloseCode.CLIENT_CLOSED, False),
            (forced.session, CloseCode.BROKER_ENDED, True),
            (held.session, CloseCode.BROKER_ENDED, True),
        ]
        back = one.request(mode="rsp", session=held.session, resume=True, epoch=2)
        while not one.said.empty():
            one.said.get_nowait()
        assert await one.refusal(back) is CloseCode.BROKER_ENDED

    play(story)


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.005)


def test_a_wire_without_the_secret_changes_nothing() -> None:
    """With the token of somebody else's session: his wires are closed, at any epoch; the session goes on."""

    async def story(one: Scene) -> None:
        order, client, wire = await resumable(one)
        for epoch in (2, 2**32 - 1):
            one.open(one.request(mode="rsp", session=order.session, epoch=epoch, resume=True))
            _, stolen = await one.pop.accept()
            stranger = Endpoint(order.session, is_initiator=True, budget=Budget())
            await stolen.write(stranger.offer(epoch) + b"\x02" + bytes(40))
            with contextlib.suppress(Lost):
                assert await stolen.read() == b""
        client.send(b"mine")
        await wire.write(client.take())
        got = b""
        while len(got) < 4:
            got += take(client, client.receive(await wire.read()))
        assert got == b"mine"

    play(story)
