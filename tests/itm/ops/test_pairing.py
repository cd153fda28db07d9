"""Pairs as the edge learns them: through its socket, into a file that survives it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.clienteletable import FILE, ClienteleTable
from collectors.network import Network
from itm.dns.counters import Counters
from itm.dns.sessions import SOCKET, Resolution, Teller, pack
from itm.ops.metrics import Registry
from itm.ops.pairing import Pairing
from tests.itm.ops.harness import Clock, Served, play
from tests.itm.ops.test_edge import until

CLIENT, RESOLVER = Network.of("133.11.0.1"), Network.of("192.0.2.53")


def session(number: int = 0) -> str:
    return f"{number:026d}".translate(str.maketrans("0189", "abcd"))


def resolution(number: int = 0, *, named: bool = False) -> Resolution:
    return Resolution(session(number), (4, RESOLVER.unit), (4, CLIENT.unit) if named else None)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def pairing(tmp_path: Path, registry: Registry) -> Pairing:
    return Pairing(tmp_path, 7.0, registry, Clock())


def counted(registry: Registry) -> Iterator[str]:
    return (
        line
        for line in registry.render().splitlines()
        if line.startswith(("itm_pair", "itm_sess", "itm_res"))
    )


def test_pairs_are_counted_by_outcome(pairing: Pairing, registry: Registry) -> None:
    """What was learned, what needed no learning, and what was no resolution."""
    pairing.asked(session(1), CLIENT)
    pairing.heard(pack(resolution(1)))
    pairing.heard(pack(resolution(1)))
    pairing.heard(pack(resolution(2, named=True)))
    pairing.asked(session(2), CLIENT)
    pairing.heard(b"noise")
    assert list(counted(registry)) == [
        'itm_pairs_total{outcome="learned"} 1',
        'itm_pairs_total{outcome="names_clients"} 1',
        'itm_sessions_unpaired_total{reason="malformed"} 1',
        'itm_sessions_unpaired_total{reason="repeated"} 1',
        'itm_sessions_unpaired_total{reason="unasked"} 0',
        'itm_sessions_unpaired_total{reason="unresolved"} 0',
        "itm_resolvers 1",
    ]


def test_the_edge_hears_dns_workers_and_remembers(tmp_path: Path) -> None:
    """What a worker tells is joined and on disk when the edge has ended; the next edge goes on from it."""

    def told(served: Served, number: int) -> float:
        teller = Teller(tmp_path, Counters())
        served.now.edge.pairing.asked(session(number), CLIENT)
        teller.tell(resolution(number))
        teller.close()
        return number + 1

    async def scenario(served: Served) -> None:
        pairs = served.now.edge.pairing._outcomes
        await until((tmp_path / SOCKET).exists)
        for number in range(2):
            expected = told(served, number)
            await until(lambda expected=expected: pairs.value(outcome="learned") == expected)

    for runs in (1, 2):
        play(tmp_path, scenario)
        [weight] = ClienteleTable.read(tmp_path / FILE).weight.tolist()
        assert weight == 2.0 * runs


def test_a_killed_edge_loses_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was learned is on disk while the edge runs; what follows within the pause is written after it."""
    monkeypatch.setattr("itm.ops.pairing.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("itm.ops.pairing.CHECKPOINT_SECONDS", 0.1)

    async def scenario(served: Served) -> None:
        for number in range(3):
            served.now.edge.pairing.asked(session(number), CLIENT)
            served.now.edge.pairing.heard(pack(resolution(number)))
            weight = number + 1.0
            await until(lambda weight=weight: _weights(tmp_path) == [weight])

    play(tmp_path, scenario)


def _weights(state: Path) -> list[float]:
    return ClienteleTable.read(state / FILE).weight.tolist() if (state / FILE).exists() else []


def test_what_cannot_be_used_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged file is told, and learned anew; a socket left behind is no obstacle."""
    (tmp_path / FILE).write_bytes(b"noise")
    (tmp_path / SOCKET).write_bytes(b"")

    async def scenario(served: Served) -> None:
        served.now.edge.pairing.asked(session(), CLIENT)
        served.now.edge.pairing.heard(pack(resolution()))

    play(tmp_path, scenario)
    assert "clientele.unusable" in caplog.text
    assert len(ClienteleTable.read(tmp_path / FILE)) == 1


def test_an_edge_that_cannot_listen_does_the_rest(
    pairing: Pairing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and nothing is raised."""
    (tmp_path / SOCKET).mkdir()
    asyncio.run(pairing.run())
    assert "sessions.deaf" in caplog.text
