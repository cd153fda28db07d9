"""What never becomes a session is cut in time, capped and counted."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.dial import connect, start_tls
from gateway.errors import Lost
from gateway.pop.config import Caps
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import FAST, ended, scene, until


def test_silent_and_broken_handshakes_are_cut_and_counted(certificates: Certificates, tmp_path: Path) -> None:
    """No ClientHello, half of one, junk instead of one: cut in time, the gate is empty afterwards."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            silent = await connect("127.0.0.1", s.port, seconds=5)
            half = await connect("127.0.0.1", s.port, seconds=5)
            await half.write(b"\x16\x03\x01\x02\x00half")
            junk = await connect("127.0.0.1", s.port, seconds=5)
            await junk.write(b"GET / HTTP/1.1\r\n\r\n")
            await until(lambda: s.refused("client_handshake_timeout") == 2 and s.refused("client_tls") == 1)
            for channel in (silent, half):
                assert await ended(channel)
                channel.close()
            junk.close()
            await until(lambda: "gateway_pop_half_open 0" in s.pop.metrics())

    asyncio.run(body())


def test_half_open_connections_of_one_network_are_capped(certificates: Certificates, tmp_path: Path) -> None:
    """The fourth silent connection is closed at once; a network with a connector is not capped."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", caps=Caps(half_open_per_network=3)) as s:
            silent = [await connect("127.0.0.1", s.port, seconds=5) for _ in range(4)]
            await until(lambda: s.refused("half_open") == 1)
            await until(lambda: s.refused("client_handshake_timeout") == 3)
            await s.connector()
            silent += [await connect("127.0.0.1", s.port, seconds=5) for _ in range(4)]
            await until(lambda: s.refused("client_handshake_timeout") == 7)
            assert s.refused("half_open") == 1
            for channel in silent:
                channel.close()

    asyncio.run(body())


def test_a_connection_that_says_nothing_and_leaves_is_gone_at_once(
    certificates: Certificates, tmp_path: Path
) -> None:
    """No time-out is waited for; it is not counted as a failed handshake."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=replace(FAST, handshake_seconds=60.0)) as s:
            (await connect("127.0.0.1", s.port, seconds=5)).close()
            await until(lambda: s.refused("client_gone") == 1)
            assert s.refused("client_tls") == 0

    asyncio.run(body())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_2_is_accepted_and_tls_1_1_refused(certificates: Certificates, tmp_path: Path) -> None:
    """1.2 and 1.3 reach the HTTP face; a client that knows nothing later than 1.1 fails and is counted."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:

            async def answer(version: ssl.TLSVersion) -> bytes:
                context = certificates.client_context()
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = version
                plain = await connect("127.0.0.1", s.port, seconds=5)
                channel = await start_tls(plain, context, server_name="gw.test", seconds=5)
                s.channels.append(channel)
                await channel.write(b"GET /probe/v1/r.gif HTTP/1.1\r\nHost: gw.test\r\n\r\n")
                return await channel.read()

            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                assert (await answer(version)).startswith(b"HTTP/1.1 200")
            assert s.refused("client_tls") == 0
            with pytest.raises(Lost, match="protocol version"):
                await answer(ssl.TLSVersion.TLSv1_1)
            await until(lambda: s.refused("client_tls") == 1)

    asyncio.run(body())
