"""A connector with a valid certificate that does what it likes: refused by name, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.channel import Channel
from gateway.dial import connect, start_tls
from gateway.errors import Lost
from gateway.pop import standing
from gateway.pop.config import Caps
from gateway.protocol import control, data
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Announce,
    Drain,
    End,
    Frame,
    Hello,
    Load,
    Open,
    Opened,
    Ping,
    Refused,
    Welcome,
)
from tests.gateway.certificates import Certificates
from tests.gateway.pop.healthy import unharmed
from tests.gateway.pop.scene import LOCATION, Behaviour, FakeConnector, Scene, ended, scene, until

Story = Callable[[Scene], Awaitable[None]]


def play(certificates: Certificates, state: Path, story: Story, caps: Caps | None = None) -> None:
    """Tell the story with a healthy session of another location beside it."""

    async def body() -> None:
        async with asyncio.timeout(30), scene(certificates, state / "a", caps=caps) as s, unharmed(s):
            await story(s)

    asyncio.run(body())


async def line(s: Scene, hello: Hello | None, name: str = "c-evil", location: str = LOCATION) -> Channel:
    """Dial a control channel with a valid certificate, say `hello`."""
    identity = s.certificates.client(f"hdx://connector/acme/{location}/{name}", f"{name}.pem")
    context = s.certificates.client_context(identity=identity, alpn=(control.ALPN,))
    plain = await connect("127.0.0.1", s.port, seconds=5)
    channel = await start_tls(plain, context, server_name="gw.test", seconds=5)
    s.channels.append(channel)
    if hello is not None:
        await channel.write(control.encode(hello))
    return channel


async def is_cut(channel: Channel) -> bool:
    """Whether the POP ends the channel, after whatever it still says."""
    try:
        async with asyncio.timeout(5):
            while await channel.read():
                pass
    except Lost:
        pass
    return True


def session(number: int) -> str:
    return f"{number:032x}"


@pytest.mark.parametrize(
    "claim",
    [
        Hello("connector", "c-evil", location="somebody-elses"),
        Hello("connector", "c-other", location=LOCATION),
        Hello("pop", "c-evil", location=LOCATION),
        Hello("connector", "c-evil"),
    ],
)
def test_it_is_who_its_certificate_says(certificates: Certificates, tmp_path: Path, claim: Hello) -> None:
    """Another location, another connector, another role, nobody: no channel, counted."""

    async def story(s: Scene) -> None:
        channel = await line(s, claim)
        assert await ended(channel)
        await until(lambda: s.refused("connector_protocol") == 1)
        assert s.pop.connectors.get("c-evil") is None

    play(certificates, tmp_path, story)


@pytest.mark.parametrize(
    "frame",
    [
        Announce("c-healthy7000", "healthy7000"),
        Open(bytes(16), bytes(32), session(1), LOCATION, "h", 1, ("127.0.0.1:1",), "pop-a", 1000),
        Welcome("pop-a", 5),
        Hello("connector", "c-evil", location=LOCATION),
    ],
)
def test_what_only_others_may_send(certificates: Certificates, tmp_path: Path, frame: Frame) -> None:
    """It announces for another tenant, opens sessions, plays the POP, introduces itself again: cut."""

    async def story(s: Scene) -> None:
        channel = await line(s, Hello("connector", "c-evil", location=LOCATION))
        await until(lambda: s.pop.connectors.get("c-evil"))
        await channel.write(control.encode(frame))
        assert await is_cut(channel)
        await until(lambda: s.refused("connector_protocol") == 1)
        assert s.pop.connectors.get("c-evil") is None
        assert s.pop.connectors.get("c-healthy7000") is not None

    play(certificates, tmp_path, story)


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xff\xff\xff",
        (control.FRAME_BYTES + 1).to_bytes(4, "big"),
        framed(b""),
        framed(b"[" * 60_000),
        framed(b'{"type":"load","sessions":' + b"9" * 30_000 + b',"capacity":1}'),
        framed(json.dumps({"type": "load", "sessions": 1, "capacity": 1, "more": "x" * 60_000}).encode()),
        framed(b"\xff" * 100),
    ],
    ids=["huge", "one-too-many", "empty", "nested", "number", "unknown-field", "no-text"],
)
def test_oversized_and_broken_frames(certificates: Certificates, tmp_path: Path, raw: bytes) -> None:
    """A length that cannot be, a body that is none: cut without waiting for it, counted."""

    async def story(s: Scene) -> None:
        channel = await line(s, Hello("connector", "c-evil", location=LOCATION))
        await until(lambda: s.pop.connectors.get("c-evil"))
        await channel.write(raw)
        assert await is_cut(channel)
        await until(lambda: s.refused("connector_protocol") == 1)

    play(certificates, tmp_path, story)


def test_a_flood_of_frames_is_cut(certificates: Certificates, tmp_path: Path) -> None:
    """As fast as it can: opinions on its load, answers to nothing. The broker hears little of it."""

    async def story(s: Scene) -> None:
        channel = await line(s, Hello("connector", "c-evil", location=LOCATION))
        await until(lambda: s.pop.connectors.get("c-evil"))
        told: list[object] = []
        s.pop._signal.send = told.append  # type: ignore[method-assign]
        flood = b"".join(
            control.encode(Load(number, 9_000)) + control.encode(Opened(number.to_bytes(16, "big")))
            for number in range(standing.MOST_PER_SECOND)
        )
        with pytest.raises(Lost):
            await channel.write(flood * 1_000)
        await until(lambda: s.refused("connector_protocol") == 1)
        assert len(told) < 40, "news are gathered"

    play(certificates, tmp_path, story)


def test_one_that_never_reads_is_given_up(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is bounded by frames; then its channel is cut, and its clients are told."""
    monkeypatch.setattr(standing, "MOST_PER_SECOND", 10**9)

    async def story(s: Scene) -> None:
        channel = await line(s, Hello("connector", "c-evil", location=LOCATION, capacity=10))
        await until(lambda: s.pop.connectors.get("c-evil"))
        pings = control.encode(Ping(1)) * 1_000
        with pytest.raises(Lost):
            await channel.write(pings * 1_000)
        await until(lambda: s.pop.connectors.get("c-evil") is None)

    play(certificates, tmp_path, story)


def test_one_that_drains_for_ever_is_not_asked(certificates: Certificates, tmp_path: Path) -> None:
    """It may say so every second: its clients go to another, or hear that there is none."""

    async def story(s: Scene) -> None:
        channel = await line(s, Hello("connector", "c-evil", location=LOCATION, capacity=1000))
        await until(lambda: s.pop.connectors.get("c-evil"))
        await channel.write(control.encode(Drain(0)) * 50)
        await until(lambda: s.pop.connectors.get("c-evil").is_draining)  # type: ignore[union-attr]
        assert (await s.socks(s.sta.know(1)))[1] == 4
        assert s.refused("connector_none") == 1
        await s.connector("c-good")
        assert (await s.socks(s.sta.know(2)))[1] == 0

    play(certificates, tmp_path, story)


async def asked(connector: FakeConnector) -> Open:
    await until(lambda: connector.opens)
    return connector.opens[-1]


def test_it_cannot_answer_for_another(certificates: Certificates, tmp_path: Path) -> None:
    """A nonce that somebody else was asked with: its refusal is passed over, its channel turned away."""

    async def story(s: Scene) -> None:
        victim = await s.connector("c-1", Behaviour(delay=0.3))
        evil = await s.connector("c-evil", location="elsewhere")
        opening = asyncio.ensure_future(s.socks(s.sta.know(1)))
        order = await asked(victim)
        await evil.channel.write(control.encode(Refused(order.nonce, CloseCode.VDA_REFUSED)))
        await evil.channel.write(control.encode(Opened(order.nonce, 1, 1)))
        forged = await s.data_channel(evil.identity)
        await forged.write(data.encode_hello(order.nonce, bytes(32)))
        answer = await forged.read_exactly(data.ANSWER_BYTES)
        assert answer == data.encode_answer(CloseCode.CONNECTOR_NONCE)
        client, reply = await opening
        assert reply == 0
        await client.write(b"mine")
        assert await client.read_exactly(4) == b"mine"
        await until(lambda: s.refused("connector_nonce") == 1)

    play(certificates, tmp_path, story)


def test_a_nonce_opens_one_channel(certificates: Certificates, tmp_path: Path) -> None:
    """Replayed with its true key by a second channel, before and after the session: refused."""

    async def story(s: Scene) -> None:
        connector = await s.connector("c-1")
        client, reply = await s.socks(s.sta.know(1))
        assert reply == 0
        order = await asked(connector)
        for _ in range(3):
            again = await s.data_channel(connector.identity)
            await again.write(data.encode_hello(order.nonce, order.key) + b"injected")
            assert await again.read_exactly(data.ANSWER_BYTES) == data.encode_answer(
                CloseCode.CONNECTOR_NONCE
            )
        await client.write(b"ok")
        assert await client.read_exactly(2) == b"ok"
        client.close()
        await until(lambda: s.refused("connector_nonce") == 3)

    play(certificates, tmp_path, story)


def test_data_before_the_joint_reaches_nobody_else(certificates: Certificates, tmp_path: Path) -> None:
    """Bytes right behind the proof are the session's own; those of one that proves nothing go nowhere."""

    async def story(s: Scene) -> None:
        evil = await s.connector("c-1", Behaviour(is_silent=True))
        opening = asyncio.ensure_future(s.socks(s.sta.know(1)))
        order = await asked(evil)
        early = await s.data_channel(evil.identity)
        await early.write(data.encode_hello(order.nonce, order.key) + b"early")
        client, reply = await opening
        assert reply == 0
        assert await client.read_exactly(5) == b"early"
        stray = await s.data_channel(evil.identity)
        await stray.write(b"DAT1" + b"x" * 100_000)
        assert await is_cut(stray)

    play(certificates, tmp_path, story)


def test_it_ends_its_own_sessions_only(certificates: Certificates, tmp_path: Path) -> None:
    """A word about another's session changes neither its life nor its record."""

    async def story(s: Scene) -> None:
        await s.connector("c-1")
        evil = await s.connector("c-evil", location="elsewhere")
        client, _ = await s.socks(s.sta.know(1))
        await evil.channel.write(control.encode(End(session(1), CloseCode.BROKER_ENDED)))
        await evil.channel.write(control.encode(End(session(7_000), CloseCode.BROKER_ENDED)))
        await asyncio.sleep(0.05)
        await client.write(b"alive")
        assert await client.read_exactly(5) == b"alive"
        client.finish()
        await until(lambda: s.pop.sessions.trace(session(1))[0].ended)
        await evil.channel.write(control.encode(End(session(1), CloseCode.VDA_RESET)))
        await asyncio.sleep(0.05)
        assert s.pop.sessions.trace(session(1))[0].code == "client_closed"

    play(certificates, tmp_path, story)


def test_why_a_session_ended_is_its_connectors_to_say(certificates: Certificates, tmp_path: Path) -> None:
    """The POP sees a wire that breaks; the connector knows that it was the VDA, before or after."""

    async def story(s: Scene) -> None:
        connector = await s.connector("c-1")
        for number, is_before in ((1, True), (2, False)):
            client, _ = await s.socks(s.sta.know(number))
            await client.write(b"x")
            await client.read_exactly(1)
            end = control.encode(End(session(number), CloseCode.VDA_RESET))
            if is_before:
                await connector.channel.write(end)
                await asyncio.sleep(0.05)
            connector.wires[-1].abort()
            await until(lambda number=number: s.pop.sessions.trace(session(number))[0].ended)
            if not is_before:
                assert s.pop.sessions.trace(session(number))[0].code == "connector_lost"
                await connector.channel.write(end)
            await until(lambda number=number: s.pop.sessions.trace(session(number))[0].code == "vda_reset")

    play(certificates, tmp_path, story)
