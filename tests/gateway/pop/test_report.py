"""What a POP tells ITM, and what becomes of it when ITM is away."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import pytest

from gateway.pop import report
from gateway.pop.counters import Counters
from gateway.pop.http import HttpPeer
from gateway.pop.report import Reporter, outcome
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Load
from tests.gateway.pop.itmserver import POP, FakeItm, fake_itm

NETWORK = "192.0.2.0/24"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (None, 1.0),
        (CloseCode.POP_LOST, 0.0),
        (CloseCode.POP_INTERNAL, 0.0),
        (CloseCode.CLIENT_LOST, 0.0),
        (CloseCode.POP_FULL, None),
        (CloseCode.POP_DRAINING, None),
        (CloseCode.CLIENT_TICKET_REFUSED, None),
        (CloseCode.CLIENT_RATE_LIMITED, None),
        (CloseCode.BROKER_UNREACHABLE, None),
        (CloseCode.CONNECTOR_NONE, None),
        (CloseCode.VDA_REFUSED, None),
    ],
)
def test_whose_fault_counts(code: CloseCode | None, value: float | None) -> None:
    """The POP's and the network's; no client can make a POP look bad by a wrong ticket."""
    assert outcome(code) == value


def play(scenario: Callable[[FakeItm, Reporter, Counters], Awaitable[None]]) -> None:
    async def body() -> None:
        async with fake_itm() as itm:
            counters = Counters()
            peer = HttpPeer(itm.url, ssl.create_default_context, setting="pop.itm")
            made = Reporter(peer, POP, "host-1", lambda: Load(3, 100), counters, lambda: 1000.0)
            await scenario(itm, made, counters)
            peer.close()

    asyncio.run(body())


def test_rows_as_the_feed_reads_them() -> None:
    """Round trips and launches of a network, and the load of this host, in one batch."""

    async def scenario(itm: FakeItm, reporter: Reporter, counters: Counters) -> None:
        reporter.measured("rtt_ms", NETWORK, 12.3456)
        reporter.launch(NETWORK, None)
        reporter.launch(NETWORK, CloseCode.POP_LOST)
        reporter.launch(NETWORK, CloseCode.CLIENT_TICKET_EXPIRED)
        assert await reporter.send()
        common = {"pop": POP, "network": NETWORK, "time": 1000.0, "source": "session"}
        assert itm.rows == [
            {"pop": POP, "metric": "load", "host": "host-1", "sessions": 3, "capacity": 100, "time": 1000.0},
            {**common, "metric": "rtt_ms", "value": 12.346},
            {**common, "metric": "availability", "value": 1.0},
            {**common, "metric": "availability", "value": 0.0},
        ]
        assert (len(reporter), counters.values["report_rows", "sent"]) == (0, 3)

    play(scenario)


def test_rows_wait_while_itm_is_away_and_the_oldest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; what was not sent is sent later; what may have arrived is not sent twice."""
    monkeypatch.setattr(report, "MOST_ROWS", 3)

    async def scenario(itm: FakeItm, reporter: Reporter, counters: Counters) -> None:
        itm.status = 503
        for ms in range(1, 6):
            reporter.measured("rtt_ms", NETWORK, ms)
        assert not await reporter.send()
        assert (len(reporter), counters.values["report_rows", "dropped"]) == (3, 2)
        itm.status = 200
        assert await reporter.send()
        assert [row["value"] for row in itm.of("rtt_ms")] == [3, 4, 5]

    play(scenario)


def test_an_unreachable_itm_costs_nothing_but_time() -> None:
    """The rows stay; an answer that never comes loses them."""

    async def body() -> None:
        counters = Counters()
        peer = HttpPeer("http://127.0.0.1:1", ssl.create_default_context, setting="pop.itm")
        reporter = Reporter(peer, POP, "h", lambda: Load(0, 1), counters, lambda: 1.0)
        reporter.measured("rtt_ms", NETWORK, 5)
        assert not await reporter.send()
        assert len(reporter) == 1

        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            peer = HttpPeer(f"http://127.0.0.1:{port}", ssl.create_default_context, setting="pop.itm")
            reporter = Reporter(peer, POP, "h", lambda: Load(0, 1), counters, lambda: 1.0)
            reporter.measured("rtt_ms", NETWORK, 5)
            assert not await reporter.send()
            assert (len(reporter), counters.values["report_rows", "lost"]) == (0, 1)

    asyncio.run(body())


def test_refused_rows_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """A POP id that ITM's catalog does not have is the operator's to mend, and not sent again."""

    async def scenario(itm: FakeItm, reporter: Reporter, counters: Counters) -> None:
        itm.status, itm.refuse = 400, 2
        reporter.measured("rtt_ms", NETWORK, 5)
        for _ in range(2):
            await reporter.send()
        assert (len(reporter), counters.values["report_rows", "refused"]) == (0, 4)

    play(scenario)
    told = [r.__dict__["reason"] for r in caplog.records if r.getMessage() == "itm.feed.away"]
    assert told == ["rows are refused: pop: no POP"]
