"""Data channels that wait: only connectors', bounded, counted apart from strangers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Lost
from gateway.pop.config import Caps
from gateway.protocol.codes import CloseCode
from gateway.protocol.data import encode_hello
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import FAST, Behaviour, Scene, ended, scene, until

LONG = replace(FAST, park_seconds=30.0, handshake_seconds=10.0)


def test_a_stranger_parks_nothing(certificates: Certificates, tmp_path: Path) -> None:
    """No certificate: the handshake fails. One of another role: closed and counted."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=LONG) as s:
            assert await ended(await s.data_channel())
            pop = certificates.client("hdx://pop///pop-b", file="other.pem")
            assert await ended(await s.data_channel(pop))
            assert (s.refused("client_tls"), s.refused("connector_refused")) == (1, 1)
            assert len(s.pop.parking) == 0

    asyncio.run(body())


def test_parked_channels_are_no_half_open_ones(certificates: Certificates, tmp_path: Path) -> None:
    """They wait without taking a client's place, and carry a session when one is asked for."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=LONG, caps=Caps(half_open=3)) as s:
            connector = await s.connector("c-1", Behaviour(is_silent=True))
            parked = [await s.data_channel(connector.identity) for _ in range(5)]
            await until(lambda: len(s.pop.parking) == 5)
            assert "gateway_pop_half_open 0" in s.pop.metrics()
            opening = asyncio.ensure_future(s.socks(s.sta.know(1)))
            await until(lambda: connector.opens)
            await parked[0].write(encode_hello(connector.opens[0].nonce, connector.opens[0].key))
            assert (await opening)[1] == 0
            assert len(s.pop.parking) == 4

    asyncio.run(body())


@pytest.mark.parametrize("caps", [Caps(parked_per_connector=2), Caps(parked=2)])
def test_what_can_be_parked_is_bounded(certificates: Certificates, tmp_path: Path, caps: Caps) -> None:
    """A connector that opens ever more of them loses the surplus; the reason is counted."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=LONG, caps=caps) as s:
            connector = await s.connector("c-1")
            kept = [await s.data_channel(connector.identity) for _ in range(2)]
            await until(lambda: len(s.pop.parking) == 2)
            assert await ended(await s.data_channel(connector.identity))
            assert s.refused("parked") == 1
            kept[0].close()
            await until(lambda: len(s.pop.parking) == 1)
            await s.data_channel(connector.identity)
            await until(lambda: len(s.pop.parking) == 2)

    asyncio.run(body())


def test_nobody_parks_for_ever(certificates: Certificates, tmp_path: Path) -> None:
    """Past the time an unused channel is closed without blame; one that began to speak is blamed."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=replace(FAST, park_seconds=0.1)) as s:
            connector = await s.connector("c-1")
            assert await ended(await s.data_channel(connector.identity))
            assert s.refused("connector_protocol") == 0
            slow = await s.data_channel(connector.identity)
            await slow.write(b"DAT")
            assert await ended(slow)
            assert s.refused("connector_protocol") == 1

    asyncio.run(body())


def test_a_revoked_connectors_channels_are_worth_nothing(certificates: Certificates, tmp_path: Path) -> None:
    """Neither one that comes afterwards nor one that was parked before."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=LONG) as s:
            connector = await s.connector("c-1", Behaviour(is_silent=True))
            parked = await s.data_channel(connector.identity)
            opening = asyncio.ensure_future(s.socks(s.sta.know(1)))
            await until(lambda: connector.opens)
            s.pop.connectors.revoke("c-1")
            await parked.write(encode_hello(connector.opens[0].nonce, connector.opens[0].key))
            assert await ended(parked)
            assert await ended(await s.data_channel(connector.identity))
            assert s.refused(str(CloseCode.BROKER_REVOKED)) == 2
            assert (await opening)[1] == 4

    asyncio.run(body())


def test_a_flood_of_one_connector_leaves_the_clients_alone(
    certificates: Certificates, tmp_path: Path
) -> None:
    """120 channels of one connector: at most its share is held, and a client still gets its session."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=LONG, caps=Caps(parked_per_connector=50)) as s:
            greedy = await s.connector("c-1")
            await _park(s, greedy.identity, 120)
            assert len(s.pop.parking) <= 50
            assert s.refused("parked") == 70
            await s.connector("c-2")
            s.pop.connectors.get("c-1").is_draining = True  # type: ignore[union-attr]
            assert (await s.socks(s.sta.know(1)))[1] == 0

    asyncio.run(body())


async def _park(s: Scene, identity: Path, count: int) -> None:
    for _ in range(count):
        try:
            await s.data_channel(identity)
        except Lost:
            continue
    await until(lambda: s.refused("parked") == count - 50)
