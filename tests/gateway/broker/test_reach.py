"""Pipes into a location's network through a real POP and a fake connector."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from gateway.broker.locations import Location
from gateway.broker.reach import Reach
from gateway.broker.signals import Near
from gateway.errors import Refused
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import REACH_ALPN
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import LOCATION, Behaviour, Scene, scene, until

SITE = Location(LOCATION, "acme", "site", 0.0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made once: keys take time."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


def reach(certificates: Certificates, *near: Near) -> Reach:
    """A broker that knows these POPs at the location's connectors."""
    identity = certificates.client("hdx://broker///sta1")
    context: ssl.SSLContext = certificates.client_context(identity=identity, alpn=(REACH_ALPN,))
    return Reach(lambda location: near if location == LOCATION else (), context, "gw.test")


def here(s: Scene) -> Near:
    """The scene's POP."""
    return Near("pop-a", (f"127.0.0.1:{s.port}",))


async def code_of(pipes: Reach, location: Location = SITE, *, seconds: float = 5.0) -> str:
    """Why a pipe is not had."""
    with pytest.raises(Refused) as caught:
        async with pipes.open(location, "dc1.corp", 636, seconds=seconds):
            pass
    return str(caught.value.code)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def test_a_pipe_carries_bytes_and_ends_with_its_block(certificates: Certificates, tmp_path: Path) -> None:
    """To what was asked for, through the connector."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            connector = await s.connector()
            async with reach(certificates, here(s)).open(SITE, "dc1.corp", 636, seconds=5) as pipe:
                await pipe.write(b"ping")
                assert await pipe.read_exactly(4) == b"ping"
            assert pipe.is_closed
            await until(lambda: len(s.pop.sessions) == 0)
            assert (connector.opens[0].host, connector.opens[0].port) == ("dc1.corp", 636)

    asyncio.run(body())


def test_the_next_pop_is_asked_when_one_is_gone(certificates: Certificates, tmp_path: Path) -> None:
    """A dead address, one where another POP answers, and then one that serves."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector()
            dead, other = Near("pop-b", (f"127.0.0.1:{free_port()}",)), Near("pop-b", here(s).addresses)
            async with reach(certificates, dead, other, here(s)).open(SITE, "h", 1, seconds=5) as pipe:
                await pipe.write(b"x")
                assert await pipe.read() == b"x"
            assert await code_of(reach(certificates, dead, other)) == "pop_lost"

    asyncio.run(body())


def test_why_not(certificates: Certificates, tmp_path: Path) -> None:
    """No POP has a connector of the location; the connector says no; it says nothing at all."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            pipes = reach(certificates, here(s))
            assert await code_of(pipes, Location("elsewhere", "acme", "x", 0.0)) == "connector_none"
            assert await code_of(pipes) == "connector_none"
            await s.connector("c-1", Behaviour(refuse=CloseCode.VDA_REFUSED))
            assert await code_of(pipes) == "vda_refused"
        async with scene(certificates, tmp_path / "b") as s:
            await s.connector("c-1", Behaviour(is_silent=True))
            assert await code_of(reach(certificates, here(s)), seconds=0.3) == "connector_timeout"

    asyncio.run(body())
