"""Tickets are redeemed at the first broker that answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import scene, ticket


def test_second_broker_redeems_when_the_first_fails(certificates: Certificates, tmp_path: Path) -> None:
    """A silent or broken STA is passed over, and asked last for a while; a no is final."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", brokers=2) as s:
            await s.connector()
            dead, alive = s.stas
            dead.status = 500
            for number in (1, 2):
                assert (await s.socks(alive.know(number)))[1] == 0
            assert (len(dead.asked), len(alive.asked)) == (1, 2)
            alive.status = 500
            dead.status = 200
            assert (await s.socks(dead.know(3)))[1] == 0
            dead.status = 500
            assert (await s.socks(ticket(4)))[1] == 1
            assert s.refused("broker_unreachable") == 1

    asyncio.run(body())


def test_a_ticket_finds_the_broker_that_made_it(certificates: Certificates, tmp_path: Path) -> None:
    """One that calls it foreign is passed over, and later asked last; foreign to all, or one dead: told."""

    async def body() -> None:
        async with scene(certificates, tmp_path / "a", brokers=2) as s:
            await s.connector()
            other, maker = s.stas
            other.unknown = maker.unknown = "client_ticket_foreign"
            for number in (1, 2):
                assert (await s.socks(maker.know(number)))[1] == 0
            assert (len(other.asked), len(maker.asked)) == (1, 2)
            assert (await s.socks(ticket(3)))[1] == 2
            assert s.refused("client_ticket_foreign") == 1
            maker.status = 500
            assert (await s.socks(ticket(4)))[1] == 1
            assert s.refused("broker_unreachable") == 1

    asyncio.run(body())
