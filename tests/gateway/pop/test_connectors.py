"""A connector's control channel belongs to who its certificate names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.dial import connect, start_tls
from gateway.errors import Lost
from gateway.protocol import control
from gateway.protocol.control import Drain
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import LOCATION, ended, scene, until


def test_a_connector_must_be_who_its_certificate_says(certificates: Certificates, tmp_path: Path) -> None:
    """Another id in Hello, or no certificate at all: no control channel."""

    async def body() -> None:

        async with scene(certificates, tmp_path / "a") as s:
            with pytest.raises((Lost, IndexError, AssertionError)):
                await s.connector("c-1", claims="c-2")
            plain = await connect("127.0.0.1", s.port, seconds=5)
            context = certificates.client_context(alpn=(control.ALPN,))
            channel = await start_tls(plain, context, server_name="gw.test", seconds=5)
            assert await ended(channel)  # TLS 1.3: the server's refusal comes after our part is done
            channel.close()
            assert len(s.pop.connectors) == 0

    asyncio.run(body())


def test_the_agent_of_a_vda_goes_first_and_serves_nobody_else(
    certificates: Certificates, tmp_path: Path
) -> None:
    """What it is the agent of stands in its certificate; a drained or tried one leaves it to the others."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector("c-1")
            await s.connector("c-2", made_for=("desk-7", "10.0.0.7"))

            def pick(host: str, *tried: str) -> str | None:
                line = s.pop.connectors.pick(LOCATION, host, tried)
                return line and line.identity.id

            assert (pick("desk-7"), pick("10.0.0.7"), pick("desk-8")) == ("c-2", "c-2", "c-1")
            assert (pick("desk-7", "c-2"), pick("desk-8", "c-1")) == ("c-1", None)
            assert s.pop.connectors.pick("elsewhere", "desk-7", ()) is None

    asyncio.run(body())


def test_who_comes_to_a_draining_pop_hears_of_it(certificates: Certificates, tmp_path: Path) -> None:
    """A connector that dials while the POP is being emptied is sent on, as those were that stood."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            s.pop.connectors.broadcast(Drain(60))
            late = await s.connector("c-1")
            await until(lambda: late.other == [Drain(60)])

    asyncio.run(body())
