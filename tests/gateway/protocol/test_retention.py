"""The sending half of a resumable stream."""

from __future__ import annotations

import pytest

from gateway.protocol.budget import FLOOR, Budget
from gateway.protocol.retention import SMALL, Retention
from tests.gateway.protocol.wires import connect, joined, settle


def started(limit: int = FLOOR) -> Retention:
    retention = Retention(Budget())
    retention.rewind(0, limit, fin_seen=False)
    return retention


def drained(retention: Retention, most: int = 65536) -> bytes:
    pieces = []
    while retention.can_send:
        offset, chunk = retention.next(most)
        assert offset == retention.sent - len(chunk)
        pieces.append(chunk)
    return b"".join(pieces)


def test_it_goes_on_where_the_peer_says() -> None:
    """Chunks are split wherever the peer's offset falls."""
    stream = bytes(range(256)) * 200
    for received in (0, 1, 100, 5000, 40_000, len(stream)):
        retention = started()
        for at in range(0, len(stream), 10_000):
            retention.add(stream[at : at + 10_000])
        assert drained(retention, 777) == stream
        assert retention.rewind(received, FLOOR, fin_seen=False) == len(stream) - received
        assert drained(retention) == stream[received:]


def test_an_acknowledgement_may_be_ahead_of_what_went_out_again() -> None:
    """The peer got more on the older wire than its RESUME knew."""
    retention = started()
    retention.add(b"a" * 5000)
    retention.add(b"b" * 5000)
    drained(retention)
    retention.rewind(0, FLOOR, fin_seen=False)
    retention.next(1000)
    retention.acknowledge(7000, FLOOR, fin_seen=False)
    assert drained(retention) == b"b" * 3000
    assert retention.rewind(100, FLOOR, fin_seen=False) == 3000  # and a RESUME may be behind


def test_the_peer_cannot_claim_what_was_never_sent() -> None:
    """Neither bytes nor the end of stream."""
    retention = started()
    retention.add(b"abc")
    with pytest.raises(ValueError, match="acknowledges"):
        retention.acknowledge(1, FLOOR, fin_seen=False)
    drained(retention)
    with pytest.raises(ValueError, match="acknowledges"):
        retention.acknowledge(3, FLOOR, fin_seen=True)
    retention.is_finished = True
    retention.acknowledge(3, FLOOR, fin_seen=True)
    assert retention.fin_acked


def test_nothing_goes_beyond_the_limit_and_the_limit_never_falls() -> None:
    """Whatever the peer says later."""
    retention = started(limit=10)
    retention.add(b"x" * 10)
    retention.acknowledge(0, 4, fin_seen=False)
    assert (drained(retention), retention.room) == (b"x" * 10, 0)


def test_a_replayed_chunk_does_not_swallow_the_next_one() -> None:
    """Regression: the chunk being framed was the one that the small one behind it was merged into."""
    client, connector = pair = joined()
    client.send(b"a" * (SMALL - 1))
    client.send(b"b" * (SMALL - 1))
    client.endpoint.take()  # lost
    client.send(b"c" * 300)
    connect(pair, 2)
    settle(pair)
    assert connector.got == client.sent


def test_bytewise_writers_cost_no_more_than_their_bytes() -> None:
    """Small chunks are merged, those that wait and those that are kept."""
    client, _ = joined()
    for _ in range(20_000):
        client.send(b"x")
    assert len(client.endpoint._out._waiting) <= 2
    while client.endpoint.take(most=100):
        pass
    assert len(client.endpoint._out._written) <= 3
