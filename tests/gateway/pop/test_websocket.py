"""Browsers' way in: aiohttp's client, and frames by hand, against a whole POP."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection

from gateway.channel import Channel
from gateway.pop.config import Caps
from gateway.protocol.codes import CloseCode
from gateway.protocol.ticket import parse
from gateway.protocol.websocket import PATH, PLAIN
from tests.gateway.certificates import Certificates
from tests.gateway.pairs import read_all
from tests.gateway.pop.scene import Behaviour, Scene, scene, ticket, until


def named(text: str) -> str:
    """Return a ticket as a subprotocol: the spelling that is a token of HTTP."""
    return parse(text).name("gw.test")


@contextlib.asynccontextmanager
async def session(
    s: Scene, ticket_text: str, *, path: str = PATH, **options: object
) -> AsyncIterator[ClientWebSocketResponse]:
    """Open a WebSocket with aiohttp, as a page would."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(
            f"https://127.0.0.1:{s.port}{path}",
            protocols=(PLAIN, named(ticket_text)),
            ssl=s.certificates.client_context(),
            server_hostname="gw.test",
            max_msg_size=0,
            **options,  # type: ignore[arg-type]
        ) as ws,
    ):
        yield ws


async def read_bytes(ws: ClientWebSocketResponse, count: int) -> bytes:
    data = b""
    async with asyncio.timeout(20):
        while len(data) < count:
            data += await ws.receive_bytes()
    return data


async def closed(ws: ClientWebSocketResponse) -> tuple[int | None, str]:
    """Return code and reason of the close frame, whatever came before."""
    async with asyncio.timeout(5):
        while (message := await ws.receive()).type is WSMsgType.BINARY:
            pass
    assert message.type is WSMsgType.CLOSE, message
    return message.data, message.extra


def test_bytes_pass_both_ways(certificates: Certificates, tmp_path: Path) -> None:
    """3 MB in messages of many sizes come back whole; the record is a plain session's; no compression."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector()
            async with session(s, s.sta.know(1), compress=15) as ws:
                assert ws.protocol == PLAIN
                assert not ws.compress
                sent = hashlib.shake_128(b"seed").digest(3_000_000)
                sizes = [1, 125, 126, 65_535, 65_536, 200_000]

                async def send() -> None:
                    begin = number = 0
                    while begin < len(sent):
                        size = sizes[number % len(sizes)]
                        await ws.send_bytes(sent[begin : begin + size])
                        begin, number = begin + size, number + 1

                _, got = await asyncio.gather(send(), read_bytes(ws, len(sent)))
                assert got == sent
                await ws.ping(b"are you there")
                await ws.send_bytes(b"!")
                assert await read_bytes(ws, 1) == b"!"
            await until(lambda: len(s.pop.sessions) == 0)
            [record] = s.pop.sessions.recent(10)
            assert (record.code, record.mode) == ("client_closed", "plain")
            assert record.from_client == record.from_vda == len(sent) + 1
            assert {"tls", "preamble", "redeem", "join"} <= set(record.phases)

    asyncio.run(body())


def test_every_end_is_told_by_its_code(certificates: Certificates, tmp_path: Path) -> None:
    """A ticket refused, no connector, the VDA's end, ours: 4000 and the code's number, its name first."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            async with session(s, ticket(9)) as ws:
                assert await closed(ws) == (
                    4108,
                    "client_ticket_refused: the ticket is unknown or was used before",
                )
            assert s.refused("client_ticket_refused") == 1
            async with session(s, s.sta.know(1)) as ws:
                assert (await closed(ws))[0] == 4000 + CloseCode.CONNECTOR_NONE.number
            vda: list[Channel] = []
            await s.connector(behaviour=Behaviour(carry=vda.append))
            async with session(s, s.sta.know(2)) as ws:
                await until(lambda: vda)
                await vda[0].write(b"bye")
                vda[0].finish()
                assert await ws.receive_bytes() == b"bye"
                assert await closed(ws) == (4500, "vda_closed: the VDA ended the session")
            async with session(s, s.sta.know(3)) as ws:
                await until(lambda: len(vda) == 2)
                await vda[1].write(b"x")
                assert await ws.receive_bytes() == b"x"
                s.pop.sessions.end_all(CloseCode.BROKER_ENDED)
                assert (await closed(ws))[0] == 4302
            async with session(s, s.sta.know(4)) as ws:
                await until(lambda: len(vda) == 3)
                await vda[2].write(b"x")
                assert await ws.receive_bytes() == b"x"
                vda[2].close()
                assert (await closed(ws))[0] == 4408
            await until(lambda: len(s.pop.sessions) == 0)
            assert [record.code for record in s.pop.sessions.recent(10)] == [
                "connector_none", "vda_closed", "broker_ended", "connector_lost",
            ]  # fmt: skip

    asyncio.run(body())


def test_a_text_message_ends_the_session(certificates: Certificates, tmp_path: Path) -> None:
    """1003, counted as the client's breach; the VDA got nothing of it."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector()
            async with session(s, s.sta.know(1)) as ws:
                await until(lambda: len(s.pop.sessions) == 1)
                await ws.send_str("hello")
                assert (await closed(ws))[0] == 1003
            await until(lambda: len(s.pop.sessions) == 0)
            [record] = s.pop.sessions.recent(1)
            assert (record.code, record.from_client) == ("client_protocol", 0)

    asyncio.run(body())


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({"origin": "https://evil.test"}, 403, "client_origin"),
        ({"path": "/elsewhere"}, 404, "pop_not_found"),
        ({"headers": {"Sec-WebSocket-Version": "8"}}, 426, "client_protocol"),
    ],
)
def test_refused_before_the_upgrade(
    certificates: Certificates, tmp_path: Path, options: dict[str, object], status: int, reason: str
) -> None:
    """The ticket is not spent on it, and the reason is counted."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with session(s, s.sta.know(1), **options):  # type: ignore[arg-type]
                    pass
            assert refused.value.status == status
            assert s.refused(reason) == 1
            assert s.sta.asked == []

    asyncio.run(body())


def test_the_gateways_own_pages_or_those_of_the_list(certificates: Certificates, tmp_path: Path) -> None:
    """Its names by default; a list replaces them."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector()
            async with session(s, s.sta.know(1), origin="https://gw.test:444") as ws:
                await ws.send_bytes(b"x")
                assert await read_bytes(ws, 1) == b"x"
        async with scene(certificates, tmp_path / "b", origins=("https://desk.test",)) as s:
            await s.connector()
            async with session(s, s.sta.know(2), origin="https://desk.test") as ws:
                await ws.send_bytes(b"x")
                assert await read_bytes(ws, 1) == b"x"
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with session(s, s.sta.know(3), origin="https://gw.test"):
                    pass

    asyncio.run(body())


def test_guessing_is_slowed_here_too(certificates: Certificates, tmp_path: Path) -> None:
    """Above the limit even a good ticket is refused unread."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", caps=Caps(failed_tickets_per_minute=2)) as s:
            await s.connector()
            good = s.sta.know(1)
            for number in (7, 8):
                async with session(s, ticket(number)) as ws:
                    assert (await closed(ws))[0] == 4108
            async with session(s, good) as ws:
                assert (await closed(ws))[0] == 4114

    asyncio.run(body())


REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: gw.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: hdx-plain.v1, {ticket}\r\n\r\n"
)


async def opened(s: Scene, ticket_text: str, behind: bytes = b"") -> Channel:
    """Upgrade by hand, `behind` in the same write; the answer is read."""
    channel = await s.client()
    await channel.write(REQUEST.format(path=PATH, ticket=named(ticket_text)).encode() + behind)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await channel.read()
    assert answer.startswith(b"HTTP/1.1 101 ")
    channel.early = answer.partition(b"\r\n\r\n")[2]
    return channel


@pytest.mark.parametrize("at_once", [True, False])
def test_data_and_close_in_one_write(certificates: Certificates, tmp_path: Path, at_once: bool) -> None:
    """With the request, before the ticket was even looked at, or later: nothing hangs, nothing is lost."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            vda: list[Channel] = []
            await s.connector(behaviour=Behaviour(carry=vda.append))
            client = Connection(ConnectionType.CLIENT)
            sent = client.send(BytesMessage(data=b"hello")) + client.send(CloseConnection(code=1000))
            channel = await opened(s, s.sta.know(1), sent if at_once else b"")
            await until(lambda: vda)
            if not at_once:
                await channel.write(sent)
            assert await read_all(vda[0]) == b"hello"
            vda[0].finish()
            client.receive_data(await read_all(channel))
            assert [event.code for event in client.events() if isinstance(event, CloseConnection)] == [1000]
            await until(lambda: len(s.pop.sessions) == 0)
            assert s.pop.sessions.recent(1)[0].code == "client_closed"

    asyncio.run(body())


def test_a_client_that_vanishes_is_lost(certificates: Certificates, tmp_path: Path) -> None:
    """TLS ends, in order, but no close frame came."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector()
            channel = await opened(s, s.sta.know(1))
            await until(lambda: len(s.pop.sessions) == 1)
            channel.finish()
            await until(lambda: len(s.pop.sessions) == 0)
            assert s.pop.sessions.recent(1)[0].code == "client_lost"

    asyncio.run(body())


def test_a_stalled_reader_stops_the_writer(certificates: Certificates, tmp_path: Path) -> None:
    """The VDA sends as long as anybody takes it: what the POP holds is a chunk and a frame, and when the
    client reads again everything is there, pings in between included."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            vda: list[Channel] = []
            await s.connector(behaviour=Behaviour(carry=vda.append))
            channel = await opened(s, s.sta.know(1))
            await until(lambda: vda)
            wire, total = vda[0], 24_000_000
            block = bytes(range(256)) * 256
            written = 0

            async def write() -> None:
                nonlocal written
                while written < total:
                    await wire.write(block)
                    written += len(block)
                wire.finish()

            writing = s.tasks.create_task(write())
            before = -1
            while written != before:
                before = written
                await asyncio.sleep(0.5)
            assert written < total, "nobody reads, so the writer has to wait"
            assert 65_536 < s.pop.sessions.held_bytes() <= 2 * 65_536 + 10, "a chunk and a frame"
            client = Connection(ConnectionType.CLIENT)
            got = hashlib.sha256()
            size = 0
            while data := await channel.read():
                client.receive_data(data)
                for event in client.events():
                    if isinstance(event, BytesMessage):
                        got.update(event.data)
                        size += len(event.data)
                    elif isinstance(event, CloseConnection):
                        await channel.write(client.send(event.response()))
            await writing
            assert (size, got.digest()) == (written, hashlib.sha256(block * (written // len(block))).digest())
            await until(lambda: len(s.pop.sessions) == 0)
            assert s.pop.sessions.recent(1)[0].code == "vda_closed"

    asyncio.run(body())
