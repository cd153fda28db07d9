"""A POP's connection to the broker announces connectors, carries opens both ways, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gateway.errors import Lost
from gateway.protocol import hello
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Announce,
    Cancel,
    End,
    Frame,
    FrameReader,
    Hello,
    Open,
    Opened,
    Refused,
    Welcome,
    Withdraw,
    encode,
)
from gateway.protocol.errors import ProtocolError
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import FAST, LOCATION, Behaviour, ended, rsp, scene, until

PATIENT = replace(FAST, hedge_seconds=30.0)


@dataclass
class FakeBroker:
    """The signal port: keeps what POPs say; `say` speaks to the POP that came last."""

    frames: list[Frame] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    port: int = 0

    def of(self, kind: type[Frame]) -> list[Frame]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def say(self, frame: Frame) -> None:
        self.writers[-1].write(encode(frame))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(encode(Welcome("broker", 1)))
        frames = FrameReader(CloseCode.POP_INTERNAL)
        while data := await reader.read(65_536):
            self.frames += frames.receive(data)


@asynccontextmanager
async def broker(certificates: Certificates) -> AsyncIterator[FakeBroker]:
    fake = FakeBroker()
    server = await asyncio.start_server(
        fake.serve, "127.0.0.1", 0, ssl=certificates.server_context(mutual=True)
    )
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        for writer in fake.writers:
            writer.transport.abort()
        server.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_connectors_are_announced_and_withdrawn_and_again_after_a_loss(
    certificates: Certificates, tmp_path: Path
) -> None:
    """The broker knows who stands where, also when its connection broke meanwhile."""

    async def body() -> None:
        async with (
            broker(certificates) as b,
            scene(certificates, tmp_path / "a", signal=(("127.0.0.1", b.port),)) as s,
        ):
            connector = await s.connector()
            await until(lambda: b.of(Announce))
            assert b.of(Hello) == [Hello("pop", "pop-a", addresses=s.pop.addresses)]
            assert s.pop._signal.silent_seconds == 0
            b.writers[-1].transport.abort()
            await until(lambda: s.pop._signal.silent_seconds > 0)
            await until(lambda: len(b.of(Hello)) == 2 and len(b.of(Announce)) == 2)
            connector.channel.close()
            await until(lambda: b.of(Withdraw) == [Withdraw("c-1")])

    asyncio.run(body())


def test_a_client_meets_a_connector_of_another_pop(certificates: Certificates, tmp_path: Path) -> None:
    """No connector here: the open goes up, the connector dials this POP, the session stands."""

    async def body() -> None:
        async with (
            broker(certificates) as b,
            scene(certificates, tmp_path / "a", times=PATIENT, signal=(("127.0.0.1", b.port),)) as s,
        ):
            far = await s.connector("c-far", location="elsewhere")
            far.identity = certificates.client(f"hdx://connector/acme/{LOCATION}/c-far", file="far.pem")
            await until(lambda: b.of(Announce))
            opening = asyncio.ensure_future(s.socks(s.sta.know(1)))
            await until(lambda: b.of(Open))
            [order] = b.of(Open)
            assert isinstance(order, Open)
            assert (order.connector, order.location, order.pop) == ("", LOCATION, s.pop.addresses)
            dialling = asyncio.ensure_future(s._open(far, order))
            client, reply = await opening
            assert reply == 0
            await client.write(b"far")
            assert await client.read() == b"far"
            client.close()
            await dialling

    asyncio.run(body())


def test_the_brokers_no_is_the_clients(certificates: Certificates, tmp_path: Path) -> None:
    """The broker knows no connector either: a clear refusal at once."""

    async def body() -> None:
        async with (
            broker(certificates) as b,
            scene(certificates, tmp_path / "a", times=PATIENT, signal=(("127.0.0.1", b.port),)) as s,
        ):
            await until(lambda: b.of(Hello))
            await until(lambda: "signal_standing 1" in s.pop.metrics())
            opening = asyncio.ensure_future(rsp(s, hello.ClientHello(1, ticket=s.sta.know(1))))
            await until(lambda: b.of(Open))
            [order] = b.of(Open)
            assert isinstance(order, Open)
            b.say(Refused(order.nonce, CloseCode.CONNECTOR_NONE))
            with pytest.raises(ProtocolError) as refusal:
                await opening
            assert refusal.value.code is CloseCode.CONNECTOR_NONE

    asyncio.run(body())


def test_the_agent_at_another_pop_goes_before_the_connector_here(
    certificates: Certificates, tmp_path: Path
) -> None:
    """The ticket says that the VDA's agent stands somewhere: the broker is asked first, then our own."""

    async def body() -> None:
        async with (
            broker(certificates) as b,
            scene(certificates, tmp_path / "a", times=PATIENT, signal=(("127.0.0.1", b.port),)) as s,
        ):
            await s.connector("c-1")
            await until(lambda: b.of(Announce) and "signal_standing 1" in s.pop.metrics())
            opening = asyncio.ensure_future(s.socks(s.sta.know(1, agent=True)))
            await until(lambda: b.of(Open))
            [order] = b.of(Open)
            assert isinstance(order, Open)
            assert (order.connector, order.host) == ("", "vda.test")
            b.say(Refused(order.nonce, CloseCode.POP_LOST))
            assert (await opening)[1] == 0
            [record] = s.pop.sessions.trace(f"{1:032x}")
            assert (record.connector, record.way) == ("c-1", "connector")

    asyncio.run(body())


def test_a_slow_connector_elsewhere_gets_a_rival(certificates: Certificates, tmp_path: Path) -> None:
    """After the hedge time the broker is asked for another one; its no changes nothing for the first."""

    async def body() -> None:
        async with (
            broker(certificates) as b,
            scene(certificates, tmp_path / "a", signal=(("127.0.0.1", b.port),)) as s,
        ):
            await until(lambda: b.of(Hello) and "signal_standing 1" in s.pop.metrics())
            far = await s.connector("c-far", location="elsewhere")
            far.identity = certificates.client(f"hdx://connector/acme/{LOCATION}/c-far", file="far.pem")
            opening = asyncio.ensure_future(s.socks(s.sta.know(1)))
            await until(lambda: len(b.of(Open)) == 2)
            first, second = b.of(Open)
            assert isinstance(first, Open)
            assert isinstance(second, Open)
            b.say(Refused(second.nonce, CloseCode.CONNECTOR_NONE))
            dialling = asyncio.ensure_future(s._open(far, first))
            client, reply = await opening
            assert reply == 0
            assert len(b.of(Open)) == 2
            client.close()
            await dialling

    asyncio.run(body())


def test_a_revoked_connector_is_cut_and_stays_out(certificates: Certificates, tmp_path: Path) -> None:
    """The broker's Withdraw ends its control channel and its sessions, and keeps it from coming back."""

    async def body() -> None:
        async with (
            broker(certificates) as b,
            scene(certificates, tmp_path / "a", signal=(("127.0.0.1", b.port),)) as s,
        ):
            await s.connector("c-1")
            await until(lambda: b.of(Announce))
            client, reply = await s.socks(s.sta.know(1))
            assert reply == 0
            b.say(Withdraw("c-1"))
            await until(lambda: not len(s.pop.connectors) and not len(s.pop.sessions))
            assert await ended(client)
            assert s.pop.sessions.trace(f"{1:032x}")[0].code == "broker_revoked"
            with pytest.raises((Lost, IndexError)):
                await s.connector("c-1")

    asyncio.run(body())


def test_an_open_from_above_reaches_the_connector_and_its_answer_goes_back(
    certificates: Certificates, tmp_path: Path
) -> None:
    """Opened, Refused and Cancel travel too; an unknown connector is refused; End ends."""

    async def body() -> None:
        async with (
            broker(certificates) as b,
            scene(certificates, tmp_path / "a", signal=(("127.0.0.1", b.port),)) as s,
        ):
            connector = await s.connector("c-1", Behaviour(is_silent=True))
            await until(lambda: b.of(Announce))
            order = Open(
                bytes(16), bytes(32), f"{7:032x}", LOCATION, "vda", 1, ("192.0.2.1:443",), "pop-b", 5000,
                connector="c-1",
            )  # fmt: skip
            b.say(order)
            await until(lambda: connector.opens == [order])
            await connector.channel.write(encode(Opened(order.nonce, 1, 2)))
            await until(lambda: b.of(Opened) == [Opened(order.nonce, 1, 2)])
            second = replace(order, nonce=b"2" * 16)
            b.say(second)
            b.say(Cancel(second.nonce))
            await until(lambda: connector.cancels == [Cancel(second.nonce)])
            b.say(replace(order, nonce=b"3" * 16, connector="c-none"))
            await until(lambda: b.of(Refused) == [Refused(b"3" * 16, CloseCode.CONNECTOR_NONE)])
            b.say(replace(order, nonce=b"4" * 16))
            await until(lambda: len(connector.opens) == 3)
            connector.channel.close()
            await until(lambda: Refused(b"4" * 16, CloseCode.CONNECTOR_LOST) in b.of(Refused))
            b.say(End(f"{7:032x}", CloseCode.BROKER_ENDED))
            await until(lambda: "signal_standing 1" in s.pop.metrics())

    asyncio.run(body())
