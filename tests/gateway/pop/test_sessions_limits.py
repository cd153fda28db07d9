"""What ends or refuses a session by a limit, with its exact code; half-close; options of every socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.pop.config import Caps
from gateway.protocol import control, hello
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import End
from gateway.protocol.errors import ProtocolError
from tests.gateway.certificates import Certificates
from tests.gateway.pairs import read_all
from tests.gateway.pop.scene import FAST, LOCATION, Behaviour, FakeConnector, Scene, ended, rsp, scene, until


def play(
    certificates: Certificates,
    state: Path,
    story: Callable[[Scene], Awaitable[None]],
    caps: Caps | None = None,
    **changes: object,
) -> None:
    async def body() -> None:
        times = replace(FAST, **changes)  # type: ignore[arg-type]
        async with asyncio.timeout(30), scene(certificates, state / "a", caps=caps, times=times) as s:
            await story(s)

    asyncio.run(body())


def code_of(s: Scene, number: int) -> str:
    records = s.pop.sessions.trace(f"{number:032x}")
    return records[-1].code if records else ""


async def refusal(s: Scene, number: int, **grant: object) -> CloseCode:
    with pytest.raises(ProtocolError) as refused:
        await rsp(s, hello.ClientHello(1, ticket=s.sta.know(number, **grant)))
    return refused.value.code


def test_user_tenant_and_pop_are_full_by_name(certificates: Certificates, tmp_path: Path) -> None:
    """Both ways in; the next one gets in when one has left."""

    async def story(s: Scene) -> None:
        await s.connector()
        first, _ = await rsp(s, hello.ClientHello(1, ticket=s.sta.know(1, user="ada")))
        assert await refusal(s, 2, user="ada") is CloseCode.CLIENT_USER_LIMIT
        assert (await s.socks(s.sta.know(3, user="ada")))[1] == 2
        assert (await s.socks(s.sta.know(4, user="bob")))[1] == 0
        assert await refusal(s, 5, user="eve") is CloseCode.CLIENT_TENANT_LIMIT
        assert (await s.socks(s.sta.know(6, user="ada", tenant="other")))[1] == 0
        assert await refusal(s, 7, user="zoe", tenant="third") is CloseCode.POP_FULL
        assert (await s.socks(s.sta.know(8, user="zoe", tenant="third")))[1] == 1
        first.close()
        await until(lambda: len(s.pop.sessions) == 2)
        assert (await s.socks(s.sta.know(9, user="ada")))[1] == 0
        for reason, count in (("client_user_limit", 2), ("client_tenant_limit", 1), ("pop_full", 2)):
            assert s.refused(reason) == count

    play(certificates, tmp_path, story, Caps(sessions=3, tenant_sessions=2, user_sessions=1))


def test_idle_and_longest_session(certificates: Certificates, tmp_path: Path) -> None:
    """One that says nothing, one that says much for too long; one with no limit of its own has the POP's."""

    async def story(s: Scene) -> None:
        await s.connector()
        quiet, _ = await s.socks(s.sta.know(1, limits={"idle_seconds": 1, "max_seconds": 60}))
        loud, _ = await s.socks(s.sta.know(2, limits={"idle_seconds": 1, "max_seconds": 2}))
        default, _ = await s.socks(s.sta.know(3, limits={}))
        with pytest.raises(Lost):
            await chatter(loud)
        assert await ended(quiet)
        assert await ended(default)
        assert [code_of(s, number) for number in (1, 2, 3)] == [
            "client_idle",
            "client_session_expired",
            "client_idle",
        ]

    play(certificates, tmp_path, story, idle_seconds=0.3)


async def chatter(client: Channel) -> None:
    """Talk until `Lost`."""
    while True:
        await client.write(b"word")
        await client.read_exactly(4)
        await asyncio.sleep(0.01)


def test_an_end_is_forced_and_final(certificates: Certificates, tmp_path: Path) -> None:
    """A plain session is cut, a resumable one told by its ends first, both with the administrator's code."""

    async def story(s: Scene) -> None:
        connector = await s.connector()
        stranger = await s.connector("c-2", location="elsewhere")
        plain, _ = await s.socks(s.sta.know(1))
        resumable, _ = await rsp(s, hello.ClientHello(1, ticket=s.sta.know(2)))
        for number in (1, 2):
            s.pop.end(End(f"{number:032x}", CloseCode.BROKER_ENDED, LOCATION))
        assert await ended(plain)
        assert code_of(s, 1) == "broker_ended"
        await resumable.write(b"last words")
        assert await resumable.read_exactly(10) == b"last words"
        assert await ended(resumable)
        assert code_of(s, 2) == "broker_ended"
        await until(lambda: sum(isinstance(frame, control.End) for frame in connector.other) == 2)
        assert stranger.other == [], "no business of another location's"

    play(certificates, tmp_path, story)


@pytest.mark.parametrize("when", ["redeem", "join"])
def test_an_end_before_there_is_anything_to_cut(
    certificates: Certificates, tmp_path: Path, when: str
) -> None:
    """The administrator's word while the ticket is redeemed or a connector asked: refused by it, at once."""

    async def story(s: Scene) -> None:
        connector = await s.connector("c-1", Behaviour(is_silent=True))
        s.sta.delay = 0.2 if when == "redeem" else 0.0
        opening = asyncio.create_task(refusal(s, 1))
        await until(lambda: s.sta.asked if when == "redeem" else connector.opens)
        s.pop.end(End(f"{1:032x}", CloseCode.BROKER_ENDED, LOCATION))
        assert await opening is CloseCode.BROKER_ENDED
        assert len(s.pop.sessions) == 0
        if when == "join":
            assert code_of(s, 1) == "broker_ended"
            await until(lambda: connector.cancels)

    play(certificates, tmp_path, story, launch_seconds=20.0)


def test_a_drains_cut_reaches_who_still_waits(certificates: Certificates, tmp_path: Path) -> None:
    """A POP that stops does not wait for a connector's answer longer than for its sessions."""

    async def story(s: Scene) -> None:
        connector = await s.connector("c-1", Behaviour(is_silent=True))
        opening = asyncio.create_task(refusal(s, 1))
        await until(lambda: connector.opens)
        assert s.pop.sessions.end_all(CloseCode.POP_STOPPED) == 1
        assert await opening is CloseCode.POP_STOPPED

    play(certificates, tmp_path, story, launch_seconds=20.0)


def test_an_end_in_the_last_moment_before_the_first_byte(certificates: Certificates, tmp_path: Path) -> None:
    """Between the connector's arrival and the pump: the pump is cut as soon as it stands."""

    async def story(s: Scene) -> None:
        await s.connector()
        enter = s.pop.sessions.on_carry
        s.pop.sessions.on_carry = lambda record, client: (
            s.pop.end(End(record.session, CloseCode.BROKER_ENDED, LOCATION)),
            enter(record, client),
        )
        client, _ = await s.socks(s.sta.know(1))
        assert await ended(client)
        assert code_of(s, 1) == "broker_ended"

    play(certificates, tmp_path, story)


def test_what_a_connector_says_saves_no_session(certificates: Certificates, tmp_path: Path) -> None:
    """One that said why a session ends and carries it on is cut like any other."""

    async def story(s: Scene) -> None:
        connector = await s.connector()
        client, _ = await s.socks(s.sta.know(1))
        await connector.channel.write(control.encode(End(f"{1:032x}", CloseCode.VDA_CLOSED)))
        await connector.channel.write(control.encode(control.Ping(1)))
        await until(lambda: any(isinstance(frame, control.Pong) for frame in connector.other))
        s.pop.end(End(f"{1:032x}", CloseCode.BROKER_ENDED, LOCATION))
        assert await ended(client)

    play(certificates, tmp_path, story)


@pytest.mark.parametrize("is_rsp", [False, True], ids=["socks5", "rsp"])
def test_half_close_is_kept_both_ways(certificates: Certificates, tmp_path: Path, is_rsp: bool) -> None:
    """Either side may end its direction first; the other goes on until it is done, however much that is."""

    async def open_one(s: Scene, connector: FakeConnector, number: int) -> tuple[Channel, Channel]:
        if is_rsp:
            client, _ = await rsp(s, hello.ClientHello(1, ticket=s.sta.know(number)))
        else:
            client, _ = await s.socks(s.sta.know(number))
        return client, connector.wires[-1]

    async def story(s: Scene) -> None:
        connector = await s.connector(behaviour=Behaviour(carry=print))
        body = bytes(range(256)) * 4_000
        for number, is_client_first in ((1, True), (2, False)):
            client, vda = await open_one(s, connector, number)
            first, second = (client, vda) if is_client_first else (vda, client)
            await first.write(b"that is all")
            first.finish()
            assert await read_all(second) == b"that is all"
            writing = asyncio.ensure_future(write_and_finish(second, body))
            assert await read_all(first) == body
            await writing
            client.close()
            vda.close()
            await until(lambda number=number: code_of(s, number))
            assert code_of(s, number) == ("client_closed" if is_client_first else "vda_closed")

    play(certificates, tmp_path, story)


async def write_and_finish(channel: Channel, body: bytes) -> None:
    await channel.write(body)
    channel.finish()


def option(channel: Channel, level: int, name: int) -> int:
    return channel.sock.getsockopt(level, name)


def test_every_socket_is_prompt_and_watched(certificates: Certificates, tmp_path: Path) -> None:
    """TCP_NODELAY and keep-alive on what was accepted (clients, data, control) and on what was dialled."""

    async def story(s: Scene) -> None:
        connector = await s.connector()
        client, _ = await s.socks(s.sta.know(1))
        await client.write(b"x")
        await client.read_exactly(1)
        [session] = s.pop.sessions._live
        assert session.pump is not None
        line = s.pop.connectors.get("c-1")
        assert line is not None
        accepted = [session.pump.flows[0]._source, session.pump.flows[1]._source, line.standing.channel]
        kept = [broker._idle[0] for broker in s.pop._brokers]
        assert len(kept) == 1
        for channel in (*accepted, *kept, client, connector.channel, connector.wires[0]):
            assert option(channel, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            assert option(channel, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert option(channel, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
            assert option(channel, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 10
            assert option(channel, socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3

    play(certificates, tmp_path, story)
