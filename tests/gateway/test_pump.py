"""The pump moves every byte both ways, stops a fast writer behind a slow reader and says how it ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from gateway.channel import CHUNK_BYTES, Channel
from gateway.errors import Lost
from gateway.pump import Ended, Pump, scratch, splice
from tests.gateway.certificates import Certificates
from tests.gateway.pairs import read_all, tcp_pair, tls_pair

SMALL_BUFFERS = 8192


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@dataclass
class Chain:
    """client <-> (left, right) <-> vda; the pump owns the middle two."""

    client: Channel
    pump: Pump
    vda: Channel
    ended: asyncio.Future[Ended]

    def close(self) -> None:
        self.pump.stop("test over")
        self.client.close()
        self.vda.close()


async def chain(
    certificates: Certificates, *, idle_seconds: float = 30, buffer_bytes: int = 0, vda_is_tls: bool = False
) -> Chain:
    """TLS towards the client; plain or TLS towards the VDA. Not started."""
    loop = asyncio.get_running_loop()
    left, client = await tls_pair(certificates, buffer_bytes=buffer_bytes)
    if vda_is_tls:
        right, vda = await tls_pair(certificates, buffer_bytes=buffer_bytes)
    else:
        right, vda = tcp_pair(buffer_bytes=buffer_bytes)
    ended: asyncio.Future[Ended] = loop.create_future()
    pump = Pump(left, right, scratch(), ended.set_result, idle_seconds=idle_seconds, loop=loop)
    return Chain(client, pump, vda, ended)


@pytest.mark.parametrize("vda_is_tls", [False, True])
def test_both_directions_at_once_arrive_whole(certificates: Certificates, vda_is_tls: bool) -> None:
    """3 MB each way at the same time through small kernel buffers; both ends close cleanly."""
    up = bytes(range(256)) * 12_000
    down = up[::-1]

    async def body() -> None:
        c = await chain(certificates, buffer_bytes=SMALL_BUFFERS, vda_is_tls=vda_is_tls)
        c.pump.start()

        async def say(channel: Channel, data: bytes) -> None:
            await channel.write(data)
            while not channel.finish():
                await channel.writable()

        got = await asyncio.gather(say(c.client, up), say(c.vda, down), read_all(c.client), read_all(c.vda))
        assert got[2] == down
        assert got[3] == up
        ended = await c.ended
        assert (ended.manner, ended.from_left, ended.from_right) == ("finished", len(up), len(down))
        assert c.pump.held == 0
        c.close()

    asyncio.run(body())


@pytest.mark.parametrize("early", [b"", b"banner"])
def test_the_first_bytes_from_the_right_are_told_once(certificates: Certificates, early: bytes) -> None:
    """Not the client's, not a readiness without bytes, no later ones; those that came early at once."""

    async def body() -> None:
        c = await chain(certificates, vda_is_tls=True)
        c.pump.flows[1]._source.early = early
        told: list[int] = []
        c.pump.start(lambda: told.append(c.pump.moved[0]))
        assert told == ([0] if early else [])
        await c.client.write(b"hello")
        assert await c.vda.read_exactly(5) == b"hello"
        for word in (b"world", b"again"):
            await c.vda.write(word)
            expected = (early if word == b"world" else b"") + word
            assert await c.client.read_exactly(len(expected)) == expected
        assert told == ([0] if early else [5])
        c.close()

    asyncio.run(body())


def test_half_close_is_passed_on_alone(certificates: Certificates) -> None:
    """The client ends its request; the answer, sent after that, still comes."""

    async def body() -> None:
        c = await chain(certificates)
        c.pump.start()
        await c.client.write(b"question")
        c.client.finish()
        assert await read_all(c.vda) == b"question"
        await c.vda.write(b"answer")
        assert await c.client.read() == b"answer"
        assert not c.ended.done()
        c.vda.finish()
        assert await read_all(c.client) == b""
        assert (await c.ended).side == "left"
        c.close()

    asyncio.run(body())


def test_slow_reader_stops_the_writer_in_bounded_memory(certificates: Certificates) -> None:
    """The writer stalls although nobody reads for long; at most one chunk is held; all arrives later."""
    total = 8_000_000

    async def body() -> None:
        c = await chain(certificates, buffer_bytes=SMALL_BUFFERS)
        c.pump.start()
        writing = asyncio.ensure_future(c.vda.write(bytes(total)))
        settled = -1
        while settled != sum(c.pump.moved):
            settled = sum(c.pump.moved)
            await asyncio.sleep(0.02)
        assert not writing.done()
        assert settled < total / 4
        assert 0 < c.pump.held <= CHUNK_BYTES
        assert len(await c.client.read_exactly(total)) == total
        await writing
        assert c.pump.held == 0
        c.close()

    asyncio.run(body())


def test_one_busy_session_does_not_starve_another(certificates: Certificates) -> None:
    """While one pump moves as much as it can, a small message through another is not waiting long."""

    async def body() -> None:
        busy, quiet = await chain(certificates), await chain(certificates)
        busy.pump.start()
        quiet.pump.start()

        async def flood() -> None:
            while True:
                await busy.vda.write(bytes(1_000_000))

        async def sink() -> None:
            while True:
                await busy.client.read()

        load = [asyncio.ensure_future(flood()), asyncio.ensure_future(sink())]
        for _ in range(20):
            before = sum(busy.pump.moved)
            await quiet.client.write(b"k")
            assert await quiet.vda.read() == b"k"
            assert sum(busy.pump.moved) - before < 8 * 4 * CHUNK_BYTES
        for task in load:
            task.cancel()
        await asyncio.gather(*load, return_exceptions=True)
        busy.close()
        quiet.close()

    asyncio.run(body())


def test_a_lost_client_ends_the_session_and_its_bytes_still_arrive(certificates: Certificates) -> None:
    """What the client sent before it vanished goes out; the cause names its side."""

    async def body() -> None:
        c = await chain(certificates, vda_is_tls=True)
        c.pump.start()
        await c.client.write(b"last words")
        c.client.close()
        ended = await c.ended
        assert (ended.manner, ended.side, ended.from_left) == ("lost", "left", 10)
        assert await c.vda.read() == b"last words"
        with pytest.raises(Lost):
            await c.vda.read()
        c.close()

    asyncio.run(body())


def test_a_reset_vda_ends_the_session(certificates: Certificates) -> None:
    """The side that broke is named, and the client sees a loss, not an end."""

    async def body() -> None:
        c = await chain(certificates)
        c.pump.start()
        c.vda.abort()
        ended = await c.ended
        assert (ended.manner, ended.side) == ("lost", "right")
        with pytest.raises(Lost):
            await c.client.read()
        c.close()

    asyncio.run(body())


def test_reset_while_the_writer_is_stalled_is_noticed(certificates: Certificates) -> None:
    """A reader that is blocked on and then resets ends the pump: the write side sees it."""

    async def body() -> None:
        c = await chain(certificates, buffer_bytes=SMALL_BUFFERS)
        c.pump.start()
        writing = asyncio.ensure_future(c.vda.write(bytes(8_000_000)))
        while not c.pump.held:  # noqa: ASYNC110 - the kernel's buffers tell nobody when they fill
            await asyncio.sleep(0.01)
        c.client.abort()
        ended = await c.ended
        assert (ended.manner, ended.side) == ("lost", "left")
        with pytest.raises(Lost):
            await writing
        c.close()

    asyncio.run(body())


def test_idle_session_is_cut_and_a_busy_one_is_not(certificates: Certificates) -> None:
    """The idle time-out counts from the last byte, and says so."""

    async def body() -> None:
        c = await chain(certificates, idle_seconds=0.08)
        loop = asyncio.get_running_loop()
        c.pump.start()
        begun = loop.time()
        while loop.time() - begun < 0.2:
            await c.client.write(b"k")
            await c.vda.read()
            await asyncio.sleep(0.01)
        assert not c.ended.done()
        assert (await c.ended).manner == "idle"
        c.close()

    asyncio.run(body())


def test_stalled_session_cut_by_idle_names_who_did_not_read(certificates: Certificates) -> None:
    """When bytes were held, the cut names the side that would not take them."""

    async def body() -> None:
        c = await chain(certificates, idle_seconds=0.1, buffer_bytes=SMALL_BUFFERS)
        c.pump.start()
        writing = asyncio.ensure_future(c.vda.write(bytes(8_000_000)))
        ended = await c.ended
        assert (ended.manner, ended.side) == ("idle", "left")
        with pytest.raises(Lost):
            await writing
        c.close()

    asyncio.run(body())


def test_stop_cuts_both_sides_once(certificates: Certificates) -> None:
    """A forced end reaches both; stopping again changes nothing."""

    async def body() -> None:
        c = await chain(certificates)
        c.pump.start()
        c.pump.stop("drained")
        c.pump.stop("again")
        ended = await c.ended
        assert (ended.manner, ended.detail) == ("stopped", "drained")
        assert await c.vda.read() == b""
        c.close()

    asyncio.run(body())


def test_early_bytes_go_first_through_the_pump(certificates: Certificates) -> None:
    """What came behind the preamble in the same record is not lost, nor overtaken."""

    async def body() -> None:
        left, client = await tls_pair(certificates)
        right, vda = tcp_pair()
        await client.write(b"preamble" + b"early")
        assert await left.read(8) == b"preamble"  # "early" stays in OpenSSL: nothing for the loop to see
        left.early = b"before-"
        pumping = asyncio.ensure_future(splice(left, right, scratch(), idle_seconds=30))
        assert await vda.read_exactly(12) == b"before-early"
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
        assert left.is_closed
        assert right.is_closed
        client.close()
        vda.close()

    asyncio.run(body())
