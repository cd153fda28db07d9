"""A broker's wire into a location: only a broker's, booked as its own, refused with a code."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from gateway.channel import Channel
from gateway.dial import connect, start_tls
from gateway.frame import read_frame
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import REACH_ALPN, Frame, Opened, Ping, Reach, Refused, encode
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import FAST, LOCATION, Behaviour, Scene, ended, scene, until

WANTED = Reach("0f" * 16, "acme", LOCATION, "dc1.corp", 636, 60, 300)


async def dial(s: Scene, uri: str, first: Frame = WANTED) -> Channel:
    """A wire that shows this identity and begins with this frame."""
    context = s.certificates.client_context(identity=s.certificates.client(uri), alpn=(REACH_ALPN,))
    plain = await connect("127.0.0.1", s.port, seconds=5)
    channel = await start_tls(plain, context, server_name="gw.test", seconds=5)
    s.channels.append(channel)
    await channel.write(encode(first))
    return channel


def test_a_broker_is_joined_to_the_target(certificates: Certificates, tmp_path: Path) -> None:
    """The connector is asked for host and port as said; the record is the broker's, under the tenant."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            connector = await s.connector()
            pipe = await dial(s, "hdx://broker///sta1")
            assert await read_frame(pipe, CloseCode.POP_INTERNAL) == Opened(WANTED.nonce)
            await pipe.write(b"bind")
            assert await pipe.read() == b"bind"
            asked = connector.opens[0]
            assert (asked.host, asked.port, asked.mode, asked.session) == (
                "dc1.corp",
                636,
                "plain",
                "0f" * 16,
            )
            (record,) = s.pop.sessions.recent(9)
            assert (record.user, record.tenant, record.mode) == ("(broker)", "acme", "reach")
            assert (record.location, record.resource) == (LOCATION, "dc1.corp:636")
            pipe.close()
            await until(lambda: len(s.pop.sessions) == 0)

    asyncio.run(body())


def test_a_refusal_names_the_party(certificates: Certificates, tmp_path: Path) -> None:
    """No connector, then one whose allow-list says no: the code comes back to the broker."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            for code in (CloseCode.CONNECTOR_NONE, CloseCode.CONNECTOR_TARGET_DENIED):
                pipe = await dial(s, "hdx://broker///sta1")
                answer = await read_frame(pipe, CloseCode.POP_INTERNAL)
                assert isinstance(answer, Refused)
                assert (answer.nonce, answer.code) == (WANTED.nonce, code)
                assert s.refused(str(code)) == 1
                await s.connector("c-1", Behaviour(refuse=CloseCode.CONNECTOR_TARGET_DENIED))

    asyncio.run(body())


def test_a_drained_pop_serves_the_broker(certificates: Certificates, tmp_path: Path) -> None:
    """Drained by ITM: a location may have its only connectors here. One that stops sends it elsewhere."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=replace(FAST, drain_seconds=2)) as s:
            await s.connector()
            s.pop.obey(True)
            assert (await s.socks(s.sta.know(1)))[1] != 0
            pipe = await dial(s, "hdx://broker///sta1")
            assert await read_frame(pipe, CloseCode.POP_INTERNAL) == Opened(WANTED.nonce)
            s.stopping.set()
            await until(lambda: s.pop.health().word == "stopping")
            answer = await read_frame(await dial(s, "hdx://broker///sta1"), CloseCode.POP_INTERNAL)
            assert isinstance(answer, Refused)
            assert answer.code is CloseCode.POP_DRAINING

    asyncio.run(body())


def test_nobody_else_gets_in(certificates: Certificates, tmp_path: Path) -> None:
    """A connector or a POP by its certificate, and a broker that says something else, are cut off."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            connector = await s.connector()
            for uri in (f"hdx://connector/acme/{LOCATION}/c-1", "hdx://pop///pop-b"):
                assert await ended(await dial(s, uri))
            assert await ended(await dial(s, "hdx://broker///sta1", Ping(1)))
            assert not connector.opens

    asyncio.run(body())


def test_a_silent_broker_does_not_stay(certificates: Certificates, tmp_path: Path) -> None:
    """Its frame must come within the time of a preamble."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            identity = s.certificates.client("hdx://broker///sta1")
            context = s.certificates.client_context(identity=identity, alpn=(REACH_ALPN,))
            plain = await connect("127.0.0.1", s.port, seconds=5)
            pipe = await start_tls(plain, context, server_name="gw.test", seconds=5)
            s.channels.append(pipe)
            assert await ended(pipe)

    asyncio.run(body())
