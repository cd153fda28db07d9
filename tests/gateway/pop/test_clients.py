"""A client's first bytes decide what it gets: a session, the face, or a counted refusal."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from gateway.pop.config import Caps
from gateway.protocol import hello, token
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from tests.gateway.certificates import Certificates
from tests.gateway.pairs import read_all
from tests.gateway.pop.scene import LOCATION, rsp, scene, ticket, until


def test_a_ticket_brings_the_client_to_the_vda_once(certificates: Certificates, tmp_path: Path) -> None:
    """SOCKS5 with the ticket as domain: bytes pass both ways, half-close too; a replay is refused."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            connector = await s.connector()
            good = s.sta.know(1)
            client, reply = await s.socks(good)
            assert reply == 0
            await client.write(b"hello" * 10_000)
            client.finish()
            assert await read_all(client) == b"hello" * 10_000
            order = connector.opens[0]
            assert (order.host, order.port, order.location, order.mode) == (
                "vda.test",
                1494,
                LOCATION,
                "plain",
            )
            await until(lambda: len(s.pop.sessions) == 0)
            [record] = s.pop.sessions.recent(10)
            assert (record.code, record.connector, record.from_client) == ("client_closed", "c-1", 50_000)
            phases = {"tls", "preamble", "redeem", "join", "vda", "pop", "first_byte"}
            assert set(record.phases) == phases
            assert record.network == "127.0.0.0/24"
            _, replayed = await s.socks(good)
            assert replayed == 2
            assert s.refused("client_ticket_refused") == 1

    asyncio.run(body())


def test_a_resumable_session_moves_to_a_second_wire_by_its_token(
    certificates: Certificates, tmp_path: Path
) -> None:
    """The ticket opens wire 1; a token signed by the broker opens wire 2 at its connector, unasked STA."""

    async def body() -> None:
        alternates = (hello.Alternate("pop-b", "127.0.0.2", 443),)
        async with scene(certificates, tmp_path / "a", alternates=alternates) as s:
            soon = int(time.time()) + 600
            routing = token.RoutingToken(f"{5:032x}", LOCATION, "acme", "ada", soon, soon + 3600)
            text = token.sign(routing, s.token_key)
            first, second = await s.connector("c-1"), await s.connector("c-2")
            s.sta.know(5, resume_token=text)
            client, accepted = await rsp(s, hello.ClientHello(1, ticket=ticket(5)))
            assert accepted.alternates == alternates
            assert accepted.token == text
            await client.write(b"x")
            assert await client.read() == b"x"
            again = hello.ClientHello(2, token=text, connector=accepted.connector)
            _, resumed = await rsp(s, again)
            assert resumed.connector == accepted.connector
            holder = first if accepted.connector == "c-1" else second
            assert [(o.epoch, o.resume, o.mode) for o in holder.opens] == [
                (1, False, "rsp"),
                (2, True, "rsp"),
            ]
            assert len(s.sta.asked) == 1
            with pytest.raises(ProtocolError) as refusal:
                await rsp(s, hello.ClientHello(3, token=text[:-4] + "AAAA"))
            assert refusal.value.code is CloseCode.CLIENT_TOKEN_REFUSED

    asyncio.run(body())


def test_every_wire_names_the_alternates_that_the_broker_named_last(
    certificates: Certificates, tmp_path: Path
) -> None:
    """A resumed wire too, which asks no broker; and on while the broker answers nothing."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            await s.connector()
            soon = int(time.time()) + 600
            routing = token.RoutingToken(f"{5:032x}", LOCATION, "acme", "ada", soon, soon + 3600)
            text = token.sign(routing, s.token_key)
            s.sta.know(5, resume_token=text)
            _, accepted = await rsp(s, hello.ClientHello(1, ticket=ticket(5)))
            assert accepted.alternates == ()
            epoch = 1

            async def told() -> tuple[hello.Alternate, ...]:
                nonlocal epoch
                epoch += 1
                wanted = hello.ClientHello(epoch, token=text, connector=accepted.connector)
                channel, resumed = await rsp(s, wanted)
                channel.close()
                await until(lambda: len(s.pop.sessions) <= 1)
                return resumed.alternates

            s.sta.alternates = [{"name": "gw.test", "address": "192.0.2.9", "port": 443}]
            await until(lambda: s.pop.alternates.now)
            assert await told() == (hello.Alternate("gw.test", "192.0.2.9", 443),)
            s.sta.status, asked = 503, s.sta.named
            await until(lambda: s.sta.named > asked + 1)
            assert await told() == (hello.Alternate("gw.test", "192.0.2.9", 443),)

    asyncio.run(body())


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", "stray_socks4"),
        (b"SSH-2.0-x\r\n", "stray_ssh"),
        (b"CONNECT vda:22 HTTP/1.1\r\n\r\n", "stray_http_method"),
        (b"\x00\x00junk", "stray_unknown"),
        (b"\x05\x01\x02", "client_protocol"),
        (b"\x05\x01\x00\x05\x02\x00\x03\x01a\x00\x50", "client_protocol"),
        (b"RSP1\xff\xff", "client_protocol"),
        (b"RSP", "client_preamble_timeout"),
        (b"\x05\x01\x00\x05\x01\x00\x03\x04abcd\x00\x50", "client_ticket_malformed"),
    ],
)
def test_junk_is_refused_with_a_counted_reason(
    certificates: Certificates, tmp_path: Path, first: bytes, reason: str
) -> None:
    """Each kind of wrong beginning ends the connection and is counted apart; the STA is never asked."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a") as s:
            client = await s.client()
            await client.write(first)
            async with asyncio.timeout(5):
                await read_all(client)
            await until(lambda: s.refused(reason) == 1)
            assert s.sta.asked == []

    asyncio.run(body())


def test_caps_refuse_what_is_above_them(certificates: Certificates, tmp_path: Path) -> None:
    """Half-open connections per network, sessions per user and tenant, and guessed tickets."""

    async def body() -> None:
        caps = Caps(half_open_per_network=3, user_sessions=1, tenant_sessions=2, failed_tickets_per_minute=2)
        async with scene(certificates, tmp_path / "a", caps=caps) as s:
            await s.connector()
            assert (await s.socks(s.sta.know(1)))[1] == 0
            assert (await s.socks(s.sta.know(2)))[1] == 2
            assert s.refused("client_user_limit") == 1
            assert (await s.socks(s.sta.know(3, user="bob")))[1] == 0
            assert (await s.socks(s.sta.know(4, user="eve")))[1] == 2
            assert s.refused("client_tenant_limit") == 1
            for number in (91, 92, 93):
                assert (await s.socks(ticket(number)))[1] == 2
            assert s.refused("client_ticket_refused") == 2
            assert s.refused("client_rate_limited") == 1
            assert s.pop.counters.values["ticket_alarms", ""] == 1

    asyncio.run(body())
