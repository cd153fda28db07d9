"""Which POPs a POP is told of for its sessions, and in which order."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.broker.enrolment import Peer
from gateway.broker.neighbours import in_order
from gateway.broker.signals import Near
from gateway.protocol.control import Load, Ping, Pong, Welcome
from tests.gateway.broker.serving import PopLine, broker
from tests.gateway.broker.world import NOW

A, B, C, D = (f"192.0.2.{number}:443" for number in range(1, 5))


def test_who_stands_comes_first() -> None:
    """Hosts whose link stands, then their POPs' other hosts, then POPs without a link; nobody twice."""
    pops = [
        Peer("p-1", "", (A,), 1.0, None),
        Peer("p-2", "", (B, C), 2.0, None),
        Peer("p-3", "", (D, A), 3.0, None),
    ]
    assert in_order(pops, ()) == [A, B, C, D]
    assert in_order(pops, [Near("p-2", (C,))]) == [C, B, A, D]
    assert in_order(pops, [Near("p-2", ("10.0.0.2:443",)), Near("p-3", (D,))]) == [D, B, C, A]
    assert in_order([], [Near("p-2", (C,))]) == []


def test_a_pop_learns_of_every_pop_that_is_not_revoked(tmp_path: Path) -> None:
    """By its certificate alone; a draining POP moves behind, a revoked one is not named."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            fra = await served.enrol_pop("fra", A)
            await served.enrol_pop("ams", B)
            par = await served.enrol_pop("par", C)

            async def named() -> list[str]:
                answer = await served.call("GET", "/pops/alternates", tls=fra)
                assert answer.status == 200, answer.body
                assert all(one["name"] == "gw.example" for one in answer.json["alternates"])
                return [f"{one['address']}:{one['port']}" for one in answer.json["alternates"]]

            assert await named() == [A, B, C]
            line = await PopLine.dial(served, par, "par", C)
            assert isinstance(await line.receive(), Welcome)
            assert await named() == [C, A, B]
            line.send(Load(0, 100, True), Ping(1))
            assert isinstance(await line.receive(), Pong)
            assert await named() == [A, B, C]
            line.writer.close()
            served.desk.enrolment.revoke("pop", "ams", NOW)
            assert await named() == [A, C]

    asyncio.run(story())


def test_nobody_but_a_pop_is_told(tmp_path: Path) -> None:
    """No certificate, a connector's, a revoked POP's."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            fra = await served.enrol_pop("fra")
            connector, _ = await served.enrol_connector()
            served.desk.enrolment.revoke("pop", "fra", NOW)
            for tls in (None, connector, fra):
                assert (await served.call("GET", "/pops/alternates", tls=tls)).status == 401

    asyncio.run(story())
