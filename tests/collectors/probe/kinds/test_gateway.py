"""Against the real POP program, and against what is none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collectors.probe.check import check
from collectors.probe.kinds.gateway import CHOSEN, GREETING
from collectors.probe.outcome import Outcome
from collectors.probe.target import Target
from gateway.protocol.codes import CloseCode
from gateway.protocol.socks5 import NO_AUTHENTICATION, Socks5Server
from tests.collectors.probe.kinds.servers import checked
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import Scene, scene, until

TARGET = Target("gateway", "127.0.0.1", 0, 10.0, path="/healthz")


def test_the_bytes_are_the_gateways() -> None:
    """What is written down here is what the gateway's own protocol says and answers."""
    socks = Socks5Server()
    assert socks.receive(GREETING) is None
    assert (socks.take(), CHOSEN[1]) == (CHOSEN, NO_AUTHENTICATION)
    assert socks.has_only_greeted


def checked_pop(s: Scene) -> Target:
    return Target("gateway", "127.0.0.1", s.port, 10.0, path="/healthz")


def test_a_pop_that_serves_passes_and_takes_the_visit_for_no_launch(tmp_path: Path) -> None:
    """Greeting and health; the POP reports no failed launch because of it, and no guess of a ticket."""
    launches: list[tuple[str, CloseCode | None]] = []

    async def scenario() -> Outcome:
        async with scene(Certificates(tmp_path), tmp_path / "pop") as s:
            s.pop._clients.on_launch = lambda network, code: launches.append((network, code))
            outcome = await check(checked_pop(s))
            await until(lambda: s.refused("client_gone") == 1)
            return outcome

    outcome = asyncio.run(scenario())
    assert (outcome.up, outcome.detail, outcome.notice) == (True, "", "")
    assert outcome.days_left
    assert launches == []


def test_a_pop_that_is_drained_passes_and_one_that_stops_fails(tmp_path: Path) -> None:
    """Drained is a state that the operator knows; stopping is the end."""

    async def scenario() -> list[Outcome]:
        async with scene(Certificates(tmp_path), tmp_path / "pop") as s:
            s.pop.obey(is_drained=True)
            drained = await check(checked_pop(s))
            s.pop._is_stopping = True
            return [drained, await check(checked_pop(s))]

    drained, stopping = asyncio.run(scenario())
    assert (drained.up, drained.notice) == (True, "draining")
    assert (stopping.up, stopping.detail) == (False, "cannot serve: stopping")


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"\x05\xff", "answered a SOCKS5 greeting with 05 ff"),
        (b"", "closed after 0 of 2 bytes"),
    ],
)
def test_what_is_no_pop_has_its_reason(tmp_path: Path, answer: bytes, detail: str) -> None:
    """Something else behind the same certificate."""

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(GREETING))
        writer.write(answer)

    outcome = checked(TARGET, stranger, Certificates(tmp_path).server_context())
    assert (outcome.up, outcome.detail) == (False, detail)
