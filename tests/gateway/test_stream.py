"""Two applications joined by two streams, over wires of socket pairs that are cut."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable

import pytest

from gateway.channel import Channel
from gateway.protocol.budget import Budget
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.rsp import Endpoint
from gateway.protocol.rspevents import Event
from gateway.pump import scratch
from gateway.stream import AHEAD_BYTES, READ_BYTES, Stream
from tests.gateway.pairs import tcp_pair

SESSION = "0123456789abcdef" * 2


class Owner:
    def __init__(self) -> None:
        self.losses: list[str] = []
        self.events: list[Event] = []
        self.end: asyncio.Future[tuple[CloseCode | None, str]] = asyncio.get_running_loop().create_future()

    def heard(self) -> None:
        pass

    def told(self, event: Event) -> None:
        self.events.append(event)

    def lost(self, reason: str) -> None:
        self.losses.append(reason)

    def ended(self, code: CloseCode | None, text: str) -> None:
        self.end.set_result((code, text))


class End:
    """One side: its stream, its owner and the application's far end."""

    def __init__(self, *, is_initiator: bool) -> None:
        near, self.app = tcp_pair()
        self.owner = Owner()
        self.endpoint = Endpoint(SESSION, is_initiator=is_initiator, budget=Budget())
        fault = CloseCode.CLIENT_LOST if is_initiator else CloseCode.VDA_RESET
        self.stream = Stream(
            self.endpoint, near, self.owner, scratch(), app_fault=fault, is_initiator=is_initiator
        )
        self.stream.start()


class Ends:
    """Client and VDA side, and the wires between them."""

    def __init__(self) -> None:
        self.client, self.vda = End(is_initiator=True), End(is_initiator=False)
        self.epoch = 0

    async def join(self) -> None:
        """Bring a new wire as launcher and connector do."""
        self.epoch += 1
        left, right = tcp_pair()
        await left.write(self.client.endpoint.offer(self.epoch))
        self.vda.stream.adopt(right, await greeting(self.vda, right), self.epoch)
        self.client.stream.adopt(left, await greeting(self.client, left), self.epoch)

    def cut(self) -> None:
        """Lose the wire without a word, in both directions."""
        for end in (self.client, self.vda):
            if end.stream.wire is not None:
                end.stream.drop_wire("cut")


async def greeting(end: End, wire: Channel) -> bytes:
    data = b""
    while not end.endpoint.has_greeting(data):
        data += await wire.read()
    return data


async def send(app: Channel, data: bytes) -> None:
    await app.write(data)
    app.finish()


async def drain(app: Channel) -> bytes:
    parts = []
    while data := await app.read():
        parts.append(data)
    return b"".join(parts)


def within(seconds: float, story: Callable[[], object]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(seconds):
            await story()  # type: ignore[misc]

    asyncio.run(bounded())


def test_both_ways_with_half_close_while_wires_are_cut() -> None:
    """Every byte arrives once and in order, each way, and both sides end in order."""
    rng = random.Random(7)
    up, down = rng.randbytes(6_000_000), rng.randbytes(9_000_000)

    async def story() -> None:
        ends = Ends()
        await ends.join()

        async def send_in_parts() -> None:
            for part in range(12):
                async with asyncio.TaskGroup() as both:
                    both.create_task(ends.client.app.write(up[part * 500_000 :][:500_000]))
                    both.create_task(ends.vda.app.write(down[part * 750_000 :][:750_000]))
                await asyncio.sleep(rng.uniform(0, 0.005))
                ends.cut()
                await ends.join()
            ends.client.app.finish()
            ends.vda.app.finish()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send_in_parts())
            got_up = tasks.create_task(drain(ends.vda.app))
            got_down = tasks.create_task(drain(ends.client.app))
        assert hashlib.sha256(got_up.result()).digest() == hashlib.sha256(up).digest()
        assert hashlib.sha256(got_down.result()).digest() == hashlib.sha256(down).digest()
        assert await ends.client.owner.end == (None, "")
        assert await ends.vda.owner.end == (None, "")
        assert len(ends.vda.owner.losses) == 12

    within(20, story)


def test_a_second_wire_takes_over_without_a_loss() -> None:
    """Make-before-break: no owner hears of a loss, nothing is missing."""

    async def story() -> None:
        ends = Ends()
        await ends.join()
        for number in range(5):
            await ends.client.app.write(b"ping %d" % number)
            assert await ends.vda.app.read_exactly(6) == b"ping %d" % number
            await ends.join()
            await ends.vda.app.write(b"pong %d" % number)
            assert await ends.client.app.read_exactly(6) == b"pong %d" % number
        assert ends.client.owner.losses == []

    within(10, story)


def test_a_slow_reader_stops_the_writer() -> None:
    """What waits in both streams stays bounded while the VDA reads nothing; then all of it arrives."""

    async def story() -> None:
        ends = Ends()
        await ends.join()
        data = random.Random(1).randbytes(64 * 1024 * 1024)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send(ends.client.app, data))
            await asyncio.sleep(0.5)
            assert ends.client.endpoint.outstanding + ends.vda.endpoint.unconsumed < 40 * 1024 * 1024
            ends.cut()
            await ends.join()
            got = tasks.create_task(drain(ends.vda.app))
        assert got.result() == data

    within(20, story)


def test_the_application_is_not_read_far_ahead_of_the_wire() -> None:
    """While no wire stands, what the application writes waits in its own socket; later all of it arrives."""

    async def story() -> None:
        ends = Ends()
        await ends.join()
        data = random.Random(2).randbytes(8 * 1024 * 1024)
        await asyncio.gather(ends.client.app.write(data), ends.vda.app.read_exactly(len(data)))
        assert ends.client.endpoint.room > AHEAD_BYTES + READ_BYTES
        ends.cut()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send(ends.client.app, data))
            await asyncio.sleep(0.2)
            assert ends.client.endpoint.unsent < AHEAD_BYTES + READ_BYTES
            await ends.join()
            got = tasks.create_task(drain(ends.vda.app))
        assert got.result() == data

    within(20, story)


def test_a_wire_that_proves_nothing_changes_nothing() -> None:
    """A stranger who knows session and epoch, but not the secret, is refused; the session goes on."""

    async def story() -> None:
        ends = Ends()
        await ends.join()
        await ends.client.app.write(b"hello")
        await ends.vda.app.read_exactly(5)
        await ends.vda.app.write(b"hello")
        await ends.client.app.read_exactly(5)
        stranger = Endpoint(SESSION, is_initiator=True, budget=Budget())
        left, right = tcp_pair()
        await left.write(stranger.offer(9))
        with pytest.raises(ProtocolError):
            ends.vda.stream.adopt(right, await greeting(ends.vda, right), 9)
        await ends.vda.app.write(b"still here")
        assert await ends.client.app.read_exactly(10) == b"still here"

    within(10, story)


def test_a_broken_application_ends_the_session_with_its_name() -> None:
    """The VDA's reset reaches the client's side as a code that blames the VDA."""

    async def story() -> None:
        ends = Ends()
        await ends.join()
        ends.vda.app.abort()
        assert (await ends.client.owner.end)[0] is CloseCode.VDA_RESET
        assert (await ends.vda.owner.end)[0] is CloseCode.VDA_RESET

    within(10, story)


def test_small_messages_are_acknowledged_soon() -> None:
    """A lone keystroke is not outstanding for longer than the protocol allows."""

    async def story() -> None:
        ends = Ends()
        await ends.join()
        await ends.client.app.write(b"x")
        assert await ends.vda.app.read_exactly(1) == b"x"
        assert ends.client.endpoint.outstanding == 1
        await asyncio.sleep(0.1)
        assert ends.client.endpoint.outstanding == 0

    within(5, story)
