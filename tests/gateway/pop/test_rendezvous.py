"""A client meets a connector: hedged, refused with a reason, never by a forged nonce."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.protocol import hello
from gateway.protocol.codes import CloseCode
from gateway.protocol.data import encode_hello
from gateway.protocol.errors import ProtocolError
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import FAST, Behaviour, rsp, scene, until


def test_hedging_asks_a_rival_and_the_first_channel_wins(certificates: Certificates, tmp_path: Path) -> None:
    """A silent connector costs the hedge time only, and its open is cancelled."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            silent = await s.connector("c-1", Behaviour(is_silent=True, capacity=1000))
            await s.connector("c-2", Behaviour(capacity=10))
            s.pop.connectors.get("c-2").sessions = 1  # type: ignore[union-attr]
            client, reply = await s.socks(s.sta.know(1))
            assert reply == 0
            await client.write(b"k")
            assert await client.read() == b"k"
            await until(lambda: silent.cancels)
            assert silent.cancels[0].nonce == silent.opens[0].nonce

    asyncio.run(body())


def test_a_refusing_connector_is_passed_over_at_once(certificates: Certificates, tmp_path: Path) -> None:
    """CONNECTOR_FULL sends the client to the next; a VDA that refuses ends it with the VDA's fault."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            full = await s.connector("c-1", Behaviour(refuse=CloseCode.CONNECTOR_FULL, capacity=1000))
            other = await s.connector("c-2", Behaviour(capacity=10))
            assert (await s.socks(s.sta.know(1)))[1] == 0
            assert (len(full.opens), len(other.opens)) == (1, 1)
            other.behaviour.refuse = CloseCode.VDA_REFUSED
            assert (await s.socks(s.sta.know(2)))[1] == 5
            assert s.pop.sessions.trace(f"{2:032x}")[0].code == "vda_refused"
            assert len(s.pop.sessions) == 1

    asyncio.run(body())


def test_no_connector_is_a_clear_refusal(certificates: Certificates, tmp_path: Path) -> None:
    """Nobody at the location, or only silent ones: an answer with the reason, within the launch time-out."""

    async def body() -> None:
        times = replace(FAST, launch_seconds=0.2)
        async with scene(certificates, tmp_path / "a", times=times) as s:
            await s.connector("c-9", location="elsewhere")
            with pytest.raises(ProtocolError) as none:
                await rsp(s, hello.ClientHello(1, ticket=s.sta.know(1)))
            assert none.value.code is CloseCode.CONNECTOR_NONE
            await s.connector("c-1", Behaviour(is_silent=True))
            with pytest.raises(ProtocolError) as silent:
                await rsp(s, hello.ClientHello(1, ticket=s.sta.know(2)))
            assert silent.value.code is CloseCode.CONNECTOR_TIMEOUT

    asyncio.run(body())


def test_a_dying_connector_hands_over_to_the_next(certificates: Certificates, tmp_path: Path) -> None:
    """Its control channel breaks while it is asked: the rival is asked without waiting for the hedge."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=replace(FAST, hedge_seconds=30.0)) as s:
            dying = await s.connector("c-1", Behaviour(is_silent=True, capacity=1000))
            await s.connector("c-2", Behaviour(capacity=10))
            s.pop.connectors.get("c-2").sessions = 1  # type: ignore[union-attr]
            opening = asyncio.ensure_future(s.socks(s.sta.know(1)))
            await until(lambda: dying.opens)
            dying.channel.abort()
            assert (await opening)[1] == 0

    asyncio.run(body())


def test_a_nonce_is_good_for_the_connector_that_was_asked(certificates: Certificates, tmp_path: Path) -> None:
    """Another connector of the same location that learned nonce and key joins nobody."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", times=replace(FAST, hedge_seconds=30.0)) as s:
            asked = await s.connector("c-1", Behaviour(is_silent=True))
            opening = asyncio.ensure_future(s.socks(s.sta.know(1)))
            await until(lambda: asked.opens)
            thief = await s.connector("c-2")
            wire = await s.data_channel(thief.identity)
            await wire.write(encode_hello(asked.opens[0].nonce, asked.opens[0].key))
            assert await wire.read_exactly(6) == b"DAT1" + CloseCode.CONNECTOR_NONCE.number.to_bytes(2, "big")
            rightful = await s.data_channel(asked.identity)
            await rightful.write(encode_hello(asked.opens[0].nonce, asked.opens[0].key))
            assert await rightful.read_exactly(6) == b"DAT1\x00\x00"
            assert (await opening)[1] == 0

    asyncio.run(body())


def test_the_record_says_which_way(certificates: Certificates, tmp_path: Path) -> None:
    """By the VDA's own agent, or by a connector because there was none: never silently."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector("c-1")
            agent = await s.connector("c-2", made_for=("vda.test",))
            assert (await s.socks(s.sta.know(1)))[1] == 0
            agent.channel.close()
            await until(lambda: len(s.pop.connectors) == 1)
            assert (await s.socks(s.sta.know(2)))[1] == 0
            records = [s.pop.sessions.trace(f"{number:032x}")[0] for number in (1, 2)]
            assert [(one.connector, one.way) for one in records] == [("c-2", "direct"), ("c-1", "connector")]

    asyncio.run(body())


def test_forged_and_reused_nonces_are_refused(certificates: Certificates, tmp_path: Path) -> None:
    """A data channel with a wrong proof joins nobody; neither does one that nobody waits for."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            connector = await s.connector("c-1", Behaviour(bad_proof=True))
            with pytest.raises(ProtocolError):
                await asyncio.wait_for(rsp(s, hello.ClientHello(1, ticket=s.sta.know(1))), 5)
            wire = await s.data_channel(connector.identity)
            await wire.write(b"DAT1" + bytes(48))
            assert await wire.read_exactly(6) == b"DAT1" + CloseCode.CONNECTOR_NONCE.number.to_bytes(2, "big")

    asyncio.run(body())
