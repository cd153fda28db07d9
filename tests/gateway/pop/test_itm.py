"""A whole POP with a fake ITM: its sessions are reported, and it drains when told to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.channel import Channel
from gateway.errors import ConfigError
from gateway.frame import read_frame
from gateway.pop import orders, report, samples
from gateway.pop.config import ItmConfig
from gateway.pop.health import Health
from gateway.pop.redeem import Grant
from gateway.protocol import control, hello
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from tests.gateway.certificates import Certificates
from tests.gateway.pop.itmserver import POP, fake_itm
from tests.gateway.pop.scene import FAST, rsp, scene, ticket, until
from tests.gateway.pop.test_reach import dial


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "LEAST_SECONDS", 0.01)
    monkeypatch.setattr(report, "EVERY_SECONDS", 0.02)


def config(folder: Path, url: str) -> ItmConfig:
    (folder / "token").write_text("itm_secret\n")
    return ItmConfig(url, folder / "token", POP)


def test_sessions_are_reported(certificates: Certificates, tmp_path: Path) -> None:
    """A launch that opened, one whose connector could not come to us; a bad ticket is nobody's business."""

    async def body() -> None:
        async with (
            fake_itm() as itm,
            scene(certificates, tmp_path / "a", itm=config(tmp_path, itm.url)) as s,
        ):
            connector = await s.connector()
            await rsp(s, hello.ClientHello(1, ticket=s.sta.know(1)))
            await until(lambda: itm.of("rtt_ms"))
            connector.behaviour.refuse = CloseCode.POP_LOST
            for text in (s.sta.know(2), ticket(3)):
                with pytest.raises(ProtocolError):
                    await rsp(s, hello.ClientHello(1, ticket=text))
            await until(lambda: len(itm.of("availability")) == 2)
            await asyncio.sleep(0.1)
            assert [row["value"] for row in itm.of("availability")] == [1.0, 0.0]
            assert {row["network"] for row in itm.of("rtt_ms")} == {"127.0.0.0/24"}
            load = itm.of("load")[-1]
            assert (load["pop"], load["host"], load["sessions"]) == (POP, s.pop.addresses[0], 1)
            assert set(itm.tokens) == {"Bearer itm_secret"}

    asyncio.run(body())


async def pour(wire: Channel) -> None:
    while True:
        await wire.write(bytes(1 << 20))


def test_a_busy_session_tells_its_throughput(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the client takes at once: the kernel's rate goes to ITM, as a row that its feed reads."""
    monkeypatch.setattr(samples, "PERIOD_SECONDS", 0.1)
    monkeypatch.setattr(samples, "LOOK_SECONDS", 0.02)

    async def body() -> None:
        async with (
            fake_itm() as itm,
            scene(certificates, tmp_path / "a", itm=config(tmp_path, itm.url)) as s,
        ):
            connector = await s.connector()
            client, reply = await s.socks(s.sta.know(1))
            assert reply == 0
            wire = connector.wires[0]
            sending = asyncio.create_task(pour(wire))
            async with asyncio.timeout(20):
                while not itm.of("throughput_kbps"):
                    await client.read()
                    await asyncio.sleep(0.001)  # slower than the sender: what waits is the kernel's
            sending.cancel()
            row = itm.of("throughput_kbps")[0]
            assert (row["pop"], row["network"], row["source"]) == (POP, "127.0.0.0/24", "session")
            assert 0.1 <= row["value"] <= 1e6

    asyncio.run(body())


def test_our_own_bug_counts_against_us(certificates: Certificates, tmp_path: Path) -> None:
    """A launch that dies of it is a launch that failed; a client that leaves in the middle is not."""

    async def body() -> None:
        async with (
            fake_itm() as itm,
            scene(certificates, tmp_path / "a", itm=config(tmp_path, itm.url)) as s,
        ):
            (await s.client(alpn=(hello.ALPN,))).close()

            async def broken(text: str) -> Grant:
                raise RuntimeError(text)

            s.pop._clients._redeemer.redeem = broken  # type: ignore[method-assign]
            client = await s.client(alpn=(hello.ALPN,))
            await client.write(hello.encode_hello(hello.ClientHello(1, ticket=s.sta.know(1))))
            await until(lambda: itm.of("availability"))
            await asyncio.sleep(0.1)
            assert [row["value"] for row in itm.of("availability")] == [0.0]

    asyncio.run(body())


def test_a_brokers_own_wire_is_no_clients(certificates: Certificates, tmp_path: Path) -> None:
    """Where the broker stands says nothing about clients: neither its round trip nor its success is told."""

    async def body() -> None:
        async with (
            fake_itm() as itm,
            scene(certificates, tmp_path / "a", itm=config(tmp_path, itm.url)) as s,
        ):
            await s.connector()
            pipe = await dial(s, "hdx://broker///sta1")
            assert isinstance(await read_frame(pipe, CloseCode.POP_INTERNAL), control.Opened)
            await until(lambda: itm.of("load") and itm.of("load")[-1]["sessions"] == 1)
            assert itm.rows == itm.of("load")

    asyncio.run(body())


def test_itm_drains_the_pop_and_has_it_serve_again(certificates: Certificates, tmp_path: Path) -> None:
    """Connectors are told both times, new sessions refused in between, the session there stays."""

    async def body() -> None:
        async with (
            fake_itm() as itm,
            scene(certificates, tmp_path / "a", itm=config(tmp_path, itm.url)) as s,
        ):
            connector = await s.connector()
            client, _ = await s.socks(s.sta.know(1))
            itm.say("drained")
            await until(lambda: any(isinstance(frame, control.Drain) for frame in connector.other))
            assert s.pop.health() == Health(True, "draining")
            with pytest.raises(ProtocolError) as refusal:
                await rsp(s, hello.ClientHello(1, ticket=s.sta.know(2)))
            assert refusal.value.code is CloseCode.POP_DRAINING
            await client.write(b"still here")
            assert await client.read() == b"still here"
            itm.say("up")
            await until(lambda: isinstance(connector.other[-1], control.Load))
            assert connector.other[-1].draining is False
            await rsp(s, hello.ClientHello(1, ticket=s.sta.know(3)))
            assert s.pop.health() == Health(True, "ok")

    asyncio.run(body())


def test_a_launch_under_way_is_asked_to_move_as_well(certificates: Certificates, tmp_path: Path) -> None:
    """Connectors hear of a drain again when every launch admitted before it has come to its end."""

    async def body() -> None:
        times = replace(FAST, launch_seconds=0.2)
        async with scene(certificates, tmp_path / "a", times=times) as s:
            connector = await s.connector()

            def drains() -> int:
                return sum(isinstance(frame, control.Drain) for frame in connector.other)

            s.pop.obey(True)
            await until(lambda: drains() == 1)
            await until(lambda: drains() == 2)
            s.pop.obey(False)
            s.pop.obey(True)
            await until(lambda: drains() == 3)
            s.pop.obey(False)
            await asyncio.sleep(0.3)
            assert drains() == 3

    asyncio.run(body())


def test_without_itm_the_pop_serves(certificates: Certificates, tmp_path: Path) -> None:
    """Static stability: nobody answers at that address, and nothing changes."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", itm=config(tmp_path, "http://127.0.0.1:1")) as s:
            await s.connector()
            await rsp(s, hello.ClientHello(1, ticket=s.sta.know(1)))
            assert s.pop.health() == Health(True, "ok")
            assert "gateway_pop_report_rows_waiting 2" in s.pop.metrics()

    asyncio.run(body())


def test_a_token_that_cannot_be_read_is_named(certificates: Certificates, tmp_path: Path) -> None:
    """At the start, by its setting and its file."""

    async def body() -> None:
        async with scene(
            certificates, tmp_path / "a", itm=ItmConfig("http://127.0.0.1:1", tmp_path / "none")
        ):
            pass

    with pytest.raises(ExceptionGroup) as group:
        asyncio.run(body())
    assert group.group_contains(ConfigError, match=r"^pop\.itm_token_file: .*none")
