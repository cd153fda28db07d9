"""A POP and an ITM edge, both real: what the POP measures on its sessions is in the journal and is shown."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from collectors.export import Selection, Unread, selected
from gateway.channel import Channel
from gateway.pop import report, samples
from gateway.pop.config import ItmConfig
from tests.gateway.certificates import Certificates
from tests.gateway.pop.scene import scene
from tests.itm.ops.harness import Served, play


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(samples, "PERIOD_SECONDS", 0.2)
    monkeypatch.setattr(samples, "LOOK_SECONDS", 0.05)


def test_a_pop_tells_what_its_sessions_are_like(tmp_path: Path) -> None:
    """Round trip, launch, throughput of a session that is busy; the host's load."""
    certificates = Certificates(tmp_path)
    state = tmp_path / "itm"
    state.mkdir()

    async def scenario(served: Served) -> None:
        served.clock.now = time.time()
        (tmp_path / "token").write_text(served.secrets["feed"])
        link = ItmConfig(f"http://{served.now.ops}", tmp_path / "token", "tokyo")
        async with scene(certificates, tmp_path / "pop", itm=link) as pop, asyncio.timeout(30):
            connector = await pop.connector()
            client, reply = await pop.socks(pop.sta.know(1))
            assert reply == 0
            pouring = asyncio.create_task(pour(connector.wires[0]))
            while journaled(state).keys() != {"rtt_ms", "availability", "throughput_kbps"}:
                await client.read()
                await asyncio.sleep(0.001)  # slower than the sender: what waits is the kernel's
            pouring.cancel()
            heard = (await served.ops("GET", "/api/v1/sources")).json["sources"]
            assert [(one["source"], one["pop"]) for one in heard] == [("session", "tokyo"), ("load", "tokyo")]
            tokyo = (await served.ops("GET", "/api/v1/pops")).json["pops"][0]
            assert (tokyo["load"]["sessions"], tokyo["load"]["hosts"]) == (1, 1)

    play(state, scenario)
    rows = journaled(state)
    assert rows["availability"] == [1.0]
    assert 0.1 <= min(rows["throughput_kbps"]) <= max(rows["throughput_kbps"]) <= 1e6


async def pour(wire: Channel) -> None:
    while True:
        await wire.write(bytes(1 << 20))


def journaled(state: Path) -> dict[str, list[float]]:
    """Return the values of each metric; all are of one network, and from sessions."""
    found: dict[str, list[float]] = {}
    for part in selected(state / "journal", Selection(0, 9e9), Unread()):
        assert {*part.network, *part.source, *part.pop} == {"127.0.0.0/24", "session", "tokyo"}
        for metric, value in zip(part.metric, part.value.tolist(), strict=True):
            found.setdefault(metric, []).append(value)
    return found
