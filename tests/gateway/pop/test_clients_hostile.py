"""Clients that lie, dribble, guess and flood: refused by name and counted, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.channel import Channel
from gateway.dial import connect, start_tls
from gateway.errors import Lost
from gateway.pop.config import Caps, Times
from gateway.protocol import hello, rspframe, token
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from tests.gateway.certificates import Certificates
from tests.gateway.pairs import read_all
from tests.gateway.pop.healthy import unharmed
from tests.gateway.pop.scene import FAST, LOCATION, TICKETS, Behaviour, Scene, rsp, scene, ticket, until

Story = Callable[[Scene], Awaitable[None]]


def play(
    certificates: Certificates,
    state: Path,
    story: Story,
    *,
    caps: Caps | None = None,
    times: Times = FAST,
) -> None:
    """Tell the story with a healthy session beside it."""

    async def body() -> None:
        async with (
            asyncio.timeout(40),
            scene(certificates, state / "a", caps=caps, times=times) as s,
            unharmed(s),
        ):
            await story(s)

    asyncio.run(body())


def signed(s: Scene, number: int, **changes: object) -> str:
    now = int(time.time())
    routing = token.RoutingToken(f"{number:032x}", LOCATION, "acme", "ada", now + 600, now + 3600)
    return token.sign(replace(routing, **changes), s.token_key)  # type: ignore[arg-type]


async def refusal(s: Scene, wanted: hello.ClientHello) -> CloseCode:
    with pytest.raises(ProtocolError) as refused:
        await rsp(s, wanted)
    return refused.value.code


async def from_address(s: Scene, address: str) -> Channel:
    """Connect as a client of another network: all of 127/8 is ours."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((address, 0))
    await loop.sock_connect(sock, ("127.0.0.1", s.port))
    channel = await start_tls(
        Channel(sock, loop), s.certificates.client_context(), server_name="gw.test", seconds=5
    )
    s.channels.append(channel)
    return channel


async def guess(channel: Channel, text: str) -> int:
    """Present a ticket as the ICA proxy form does; return the SOCKS5 reply."""
    name = text.encode()
    await channel.write(b"\x05\x01\x00" + b"\x05\x01\x00\x03" + bytes([len(name)]) + name + b"\x00\x50")
    return (await channel.read_exactly(12))[3]


def test_tokens_that_are_not_good(certificates: Certificates, tmp_path: Path) -> None:
    """Stale, of an ended session, of a session past its end, of a strange signer; each has its own name."""

    async def story(s: Scene) -> None:
        await s.connector()
        now = int(time.time())
        for text, code in (
            (signed(s, 1, expires=now - 1), CloseCode.CLIENT_TOKEN_EXPIRED),
            (signed(s, 1, expires=now - 9, ends=now - 1), CloseCode.CLIENT_SESSION_EXPIRED),
            (signed(s, 1)[:-6] + "AAAAAA", CloseCode.CLIENT_TOKEN_REFUSED),
            ("x" * 2000, CloseCode.CLIENT_TOKEN_REFUSED),
        ):
            assert await refusal(s, hello.ClientHello(2, token=text)) is code
        s.pop.sessions.end(f"{2:032x}", CloseCode.BROKER_ENDED)
        assert await refusal(s, hello.ClientHello(2, token=signed(s, 2))) is CloseCode.BROKER_ENDED

    play(certificates, tmp_path, story)


def test_a_token_leads_to_its_own_location_only(certificates: Certificates, tmp_path: Path) -> None:
    """The connector a client names must stand at the location that the broker signed."""

    async def story(s: Scene) -> None:
        other = await s.connector("c-other", location="elsewhere")
        wanted = hello.ClientHello(2, token=signed(s, 1), connector="c-other")
        assert await refusal(s, wanted) is CloseCode.CONNECTOR_NONE
        unknown = hello.ClientHello(2, token=signed(s, 1), connector="x" * 1_000)
        assert await refusal(s, unknown) is CloseCode.CONNECTOR_NONE
        assert other.opens == []

    play(certificates, tmp_path, story)


def test_a_stolen_token_does_not_fill_the_pop(certificates: Certificates, tmp_path: Path) -> None:
    """A session has four wires here at most, whatever epochs are claimed; then it is told off."""

    async def story(s: Scene) -> None:
        await s.connector()
        text = signed(s, 5)
        for epoch in (2, 2**32 - 1, 3, 4):
            await rsp(s, hello.ClientHello(epoch, token=text))
        assert await refusal(s, hello.ClientHello(5, token=text)) is CloseCode.CLIENT_RATE_LIMITED
        assert len(s.pop.sessions) == 5
        await rsp(s, hello.ClientHello(2, token=signed(s, 6)))

    play(certificates, tmp_path, story)


@pytest.mark.parametrize(
    "first",
    [
        b"RSP1\xff\xff",
        b"RSP1\x10\x01",
        b"RSP1\x00\x00",
        b"RSP1\x00\x02[]",
        b'RSP1\x00\x0d{"epoch":1e9}',
        b"RSP1\x0f\xf0" + b"[" * 4080,
        b"RSP1\x0f\xf0" + b"\xff" * 4080,
        b"\x05\xff" + b"\x01" * 255,
        b"\x05\x01\x00\x05\x01\x00\x03\xff" + b";" * 255 + b"\x00\x50",
        b"GET /" + b"x" * 5_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 700,
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000000\r\n\r\n" + b"x" * 100_000,
        b"CONNECT \x00 HTTP/9.9\r\n\r\n",
        random.Random(1).randbytes(10_000),
    ],
)
def test_oversized_and_broken_preambles(certificates: Certificates, tmp_path: Path, first: bytes) -> None:
    """Ended at once and counted under some name; nothing of it is kept."""

    async def story(s: Scene) -> None:
        client = await s.client()
        before = sum(n for (name, _), n in s.pop.counters.values.items() if name in ("refused", "http"))
        await client.write(first)
        with contextlib.suppress(Lost):
            await asyncio.wait_for(read_all(client), 3)
        await until(
            lambda: (
                sum(n for (name, _), n in s.pop.counters.values.items() if name in ("refused", "http"))
                > before
            )
        )
        assert s.sta.asked[1:] == []
        assert s.refused("pop_internal") == 0

    play(certificates, tmp_path, story)


@pytest.mark.parametrize(
    ("drops", "code"),
    [
        (b"RSP1\x01\x00" + b"{" + b" " * 250, "client_preamble_timeout"),
        (b"\x05\x01\x00\x05\x01\x00\x03\xff" + b"a" * 250, "client_preamble_timeout"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 4_000, "client_preamble_timeout"),
    ],
    ids=["rsp", "socks5", "http"],
)
def test_slow_loris_after_tls(certificates: Certificates, tmp_path: Path, drops: bytes, code: str) -> None:
    """A byte at a time, for ever: the whole preamble has one time limit, not each byte."""

    async def story(s: Scene) -> None:
        client = await s.client()
        started = asyncio.get_running_loop().time()
        with contextlib.suppress(Lost):
            await dribble(client, drops)
        await until(lambda: s.refused(code) == 1)
        assert asyncio.get_running_loop().time() - started < 2

    play(certificates, tmp_path, story)


async def dribble(channel: Channel, drops: bytes) -> None:
    """Write a byte at a time, until `Lost`."""
    for byte in drops:
        await channel.write(bytes([byte]))
        await asyncio.sleep(0.01)


def test_slow_loris_before_tls(certificates: Certificates, tmp_path: Path) -> None:
    """A ClientHello that is dribbled ends with the handshake's time, and costs no look per byte."""

    async def story(s: Scene) -> None:
        plain = await connect("127.0.0.1", s.port, seconds=5)
        s.channels.append(plain)
        with pytest.raises(Lost):
            await dribble(plain, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(1_000))
        assert s.refused("client_handshake_timeout") == 1

    play(certificates, tmp_path, story)


def test_http_has_a_gate_of_its_own(certificates: Certificates, tmp_path: Path) -> None:
    """Idle keep-alive connections fill it, not the one that launches go through."""

    async def story(s: Scene) -> None:
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        kept = []
        for _ in range(3):
            kept.append(await s.client())
            await kept[-1].write(request)
            assert (await kept[-1].read()).startswith(b"HTTP/1.1 200")
        late = await s.client()
        await late.write(request)
        with pytest.raises(Lost):
            await late.read_exactly(1)
        assert s.refused("http_full") == 1
        assert s.pop._gate.total == 0
        await s.connector()
        assert (await s.socks(s.sta.know(1)))[1] == 0
        kept[0].close()
        await until(lambda: s.pop._clients._web.total == 2)
        again = await s.client()
        await again.write(request)
        assert (await again.read()).startswith(b"HTTP/1.1 200")

    play(certificates, tmp_path, story, caps=Caps(http_per_network=3))


def test_guessing_shuts_a_network_out(certificates: Certificates, tmp_path: Path) -> None:
    """Tickets and tokens alike; also when the broker itself has had enough. Other networks go on."""

    async def story(s: Scene) -> None:
        await s.connector()
        s.sta.unknown = "client_rate_limited"
        asked = len(s.sta.asked)
        for number in range(6):
            assert await guess(await from_address(s, "127.0.5.1"), ticket(number)) == 2
        assert len(s.sta.asked) - asked == 4, "the broker is not asked any more"
        for _ in range(6):
            with pytest.raises(ProtocolError):
                await rsp(s, hello.ClientHello(2, token="x.y.z"))
        assert s.refused("client_token_refused") == 4
        assert s.pop.counters.values["ticket_alarms", ""] == 2
        assert await guess(await from_address(s, "127.0.5.2"), s.sta.know(9)) == 0
        assert await guess(await from_address(s, "127.0.5.1"), s.sta.know(10)) == 2

    play(certificates, tmp_path, story, caps=Caps(failed_tickets_per_minute=4))


def test_guesses_at_random_from_many_addresses(certificates: Certificates, tmp_path: Path) -> None:
    """300 from 100 networks: each is shut after two, the alarm counts them, a genuine ticket still opens."""

    async def story(s: Scene) -> None:
        await s.connector()
        chance = random.Random(7)
        for number in range(300):
            text = ";40;STA1;" + "".join(chance.choices(TICKETS, k=32))
            assert await guess(await from_address(s, f"127.0.7.{1 + number % 100}"), text) == 2
        assert s.refused("client_ticket_refused") == 200
        assert s.refused("client_rate_limited") == 100
        assert s.pop.counters.values["ticket_alarms", ""] == 100
        assert "gateway_pop_ticket_alarms_total 100" in s.pop.metrics()
        assert await guess(await from_address(s, "127.0.8.1"), s.sta.know(1)) == 0

    play(certificates, tmp_path, story, caps=Caps(failed_tickets_per_minute=2))


def test_no_pop_answers_for_a_dead_end(certificates: Certificates, tmp_path: Path) -> None:
    """PING, or anything else, on a wire whose far end says nothing: not one byte comes back."""

    async def story(s: Scene) -> None:
        connector = await s.connector(behaviour=Behaviour(carry=print))
        client, _ = await rsp(s, hello.ClientHello(1, ticket=s.sta.know(1)))
        ping = rspframe.frame(rspframe.PING, rspframe.OFFSET.pack(1))
        await client.write(ping * 100)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await client.read()
        assert await connector.wires[0].read_exactly(len(ping) * 100) == ping * 100
        await connector.wires[0].write(b"x")
        assert await client.read() == b"x"

    play(certificates, tmp_path, story)
