from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from gateway.broker import locations, sessions
from gateway.broker.signals import Near, Signals
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Announce,
    End,
    Hello,
    Open,
    Opened,
    Ping,
    Pong,
    Refused,
    Welcome,
    Withdraw,
)
from tests.gateway.broker.serving import PopLine, Served, broker, trusting
from tests.gateway.broker.world import NOW, make_resource


def opening(location: str, number: int = 1) -> Open:
    return Open(
        nonce=number.to_bytes(16, "big"), key=bytes(32), session="0" * 32, location=location, host="h",
        port=1, pop=("10.0.0.1:443",), pop_name="gw.example", deadline_ms=3000,
    )  # fmt: skip


async def enrolled_connector(served: Served) -> tuple[str, str]:
    desk = served.desk
    site = locations.create(desk.engine, "site", tenant="default", now=NOW)
    _, answer = await served.enrol("connector", desk.enrolment.connector_token(site, desk.clock()))
    return answer["connector"], site.id


async def joined(served: Served, name: str) -> PopLine:
    line = await PopLine.dial(served, await served.enrol_pop(name), name)
    assert isinstance(await line.receive(), Welcome)
    return line


async def settled(line: PopLine) -> None:
    """The broker has handled all that the line sent."""
    line.send(Ping(1))
    assert await line.receive() == Pong(1)


def test_an_open_crosses_from_pop_to_pop(tmp_path: Path) -> None:
    """Over real mutual TLS: the connector sits at one POP, the client came to another."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            connector, location = await enrolled_connector(served)
            fra, ams = await joined(served, "fra"), await joined(served, "ams")
            ams.send(Announce(connector, location, 0, 10))
            await settled(ams)
            assert served.running.signals.near(location) == (Near("ams", ("127.0.0.1:443",)),)
            assert served.running.signals.near("elsewhere") == ()
            fra.send(opening(location))
            arrived = await ams.receive()
            assert isinstance(arrived, Open)
            assert arrived.connector == connector
            ams.send(Opened(arrived.nonce, 1, 2))
            assert await fra.receive() == Opened(arrived.nonce, 1, 2)
            fra.send(opening(location, 2))
            assert isinstance(await ams.receive(), Open)
            ams.writer.transport.abort()
            lost = await fra.receive()
            assert isinstance(lost, Refused)
            assert lost.code is CloseCode.POP_LOST

    asyncio.run(story())


def test_two_hosts_of_one_pop_stand_side_by_side(tmp_path: Path) -> None:
    """Each has its own connection; one's end leaves the other's."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            first, second = await joined(served, "fra"), await joined(served, "fra")
            first.writer.transport.abort()
            await settled(second)

    asyncio.run(story())


def test_a_connector_is_not_believed_by_its_word(tmp_path: Path) -> None:
    """Announced for a location that is not its own, or never enrolled: it is not signalled."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            connector, location = await enrolled_connector(served)
            fra = await joined(served, "fra")
            fra.send(Announce(connector, "other-site"), Announce("c-none", location))
            for number, wanted in enumerate(("other-site", location)):
                fra.send(opening(wanted, number))
                refused = await fra.receive()
                assert isinstance(refused, Refused)
                assert refused.code is CloseCode.CONNECTOR_NONE

    asyncio.run(story())


def test_revoked_ones_are_out_at_the_next_sweep(tmp_path: Path) -> None:
    """A connector gets no more signals, a POP is cut off and cannot come back."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            signals: Signals = served.running.signals
            connector, location = await enrolled_connector(served)
            tls = await served.enrol_pop("fra")
            fra = await PopLine.dial(served, tls, "fra")
            await fra.receive()
            fra.send(Announce(connector, location))
            await settled(fra)
            served.desk.enrolment.revoke("connector", connector, NOW)
            await signals.sweep_once()
            assert await fra.receive() == Withdraw(connector)
            fra.send(opening(location))
            refused = await fra.receive()
            assert isinstance(refused, Refused)
            fra.send(Announce(connector, location))
            assert await fra.receive() == Withdraw(connector)
            await signals.sweep_once()  # for sessions elsewhere of one that a POP cut off by itself
            assert await fra.receive() == Withdraw(connector)
            served.desk.enrolment.revoke("pop", "fra", NOW)
            await signals.sweep_once()
            assert await fra.receive() is None
            again = await PopLine.dial(served, tls, "fra")
            assert await again.receive() is None

    asyncio.run(story())


@pytest.mark.parametrize("hello", [Hello("pop", "ams"), Hello("connector", "fra"), Ping(1)])
def test_a_pop_is_whom_its_certificate_names(tmp_path: Path, hello: Hello | Ping) -> None:
    """Another name, another role or another first frame ends the connection."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            tls = await served.enrol_pop("fra")
            host, _, port = served.running.signal.rpartition(":")
            line = PopLine(*await asyncio.open_connection(host, int(port), ssl=tls))
            line.send(hello)
            assert await line.receive() is None

    asyncio.run(story())


def test_strangers_do_not_come_in(tmp_path: Path) -> None:
    """No certificate, or a connector's: no Welcome; garbage after it ends only that connection."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            host, _, port = served.running.signal.rpartition(":")
            desk = served.desk
            site = locations.create(desk.engine, "site", tenant="default", now=NOW)
            connector_tls, _ = await served.enrol(
                "connector", desk.enrolment.connector_token(site, desk.clock())
            )
            for tls in (trusting(desk), connector_tls):
                try:
                    line = PopLine(*await asyncio.open_connection(host, int(port), ssl=tls))
                    line.send(Hello("pop", "fra"))
                    assert await line.receive() is None
                except (ConnectionError, ssl.SSLError):
                    pass
            good, bad = await joined(served, "fra"), await joined(served, "ams")
            bad.writer.write(b"\xff" * 100)
            assert await bad.receive() is None
            await settled(good)

    asyncio.run(story())


def test_an_administrators_end_reaches_every_pop(tmp_path: Path) -> None:
    """Those that stand are told once, within a sweep; one that comes later is told as it joins."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            resource = make_resource(served.desk.engine)
            desk = served.desk
            ticket = desk.sta.request(resource, "alice", now=desk.clock())
            session = desk.sta.redeem(ticket, "fra", now=desk.clock()).session
            fra, ams = await joined(served, "fra"), await joined(served, "ams")
            sessions.end(desk.engine, tenant="default", user="alice", now=desk.clock())
            for _ in range(2):
                await served.running.signals.sweep_once()
            expected = End(session, CloseCode.BROKER_ENDED, resource.location)
            for line in (fra, ams):
                assert await line.receive() == expected
                await settled(line)
            late = await joined(served, "syd")
            assert await late.receive() == expected

    asyncio.run(story())


def test_a_broker_that_stops_leaves_nothing_running(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A POP that stands and one that has not said who it is are cut off; the log has no fault."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            attached = await joined(served, "fra")
            tls = await served.enrol_pop("ams")
            host, _, port = served.running.signal.rpartition(":")
            silent, _ = await asyncio.open_connection(host, int(port), ssl=tls)
            await settled(attached)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert await attached.receive() is None
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert await silent.read() == b""

    asyncio.run(story())
    assert not [record for record in caplog.records if record.name == "asyncio"]
