"""Back-pressure, windows and memory of the resumable stream."""

from __future__ import annotations

from gateway.protocol import rspframe as frames
from gateway.protocol.budget import CEILING, FLOOR, START, Budget
from gateway.protocol.codes import CloseCode
from tests.gateway.protocol.wires import connect, ends, joined, kinds, settle, step


def test_a_slow_application_stops_the_fast_one() -> None:
    """Without `consumed` the sender runs out of room at the window, and nothing is kept beyond it."""
    client, connector = pair = joined()
    for _ in range(100):
        client.send(bytes(65536))
        step(pair, consume=False)
    assert client.endpoint.room == 0
    assert client.endpoint.outstanding == connector.endpoint.unconsumed == FLOOR
    connector.consume()
    settle(pair)
    assert client.endpoint.room == FLOOR


def test_the_window_grows_while_it_is_what_limits() -> None:
    """A consumer that keeps up behind a long path gets 16 MiB at last; a slow one stays at 1 MiB."""
    client, connector = pair = joined()
    largest = 0
    for _ in range(40):  # one turn is a round trip: send all there is room for, then hear of it
        while client.send(bytes(min(65536, client.endpoint.room))):
            connector.receive(client.endpoint.take())
            connector.consume()
        largest = max(largest, client.endpoint.outstanding)
        settle(pair)
    assert largest == CEILING
    slow_client, slow_connector = pair = joined()
    for _ in range(400):
        while slow_client.send(bytes(min(65536, slow_client.endpoint.room))):
            slow_connector.receive(slow_client.endpoint.take())
        slow_connector.consume(65536)
        step(pair, consume=False)
    assert slow_client.endpoint.outstanding <= START


def test_streams_share_one_budget() -> None:
    """However many streams stall, the process holds at most the budget and the floors."""
    budget = Budget(8 * START)
    held = 0
    for _ in range(60):
        client, connector = pair = ends(connector=budget)
        connect(pair, 1)
        settle(pair)
        for _ in range(30):
            client.send(bytes(min(65536, client.endpoint.room)))
            connector.send(bytes(min(65536, connector.endpoint.room)))
            step(pair)
        for _ in range(300):
            client.send(bytes(min(65536, client.endpoint.room)))
            step(pair, consume=False)
        held += connector.endpoint.unconsumed
        assert budget.lent_bytes <= budget.total_bytes
    assert held <= budget.total_bytes + 60 * FLOOR


def test_memory_is_given_back() -> None:
    """A session that ended, by reset or by being forgotten, holds nothing of the budget."""
    budget = Budget()
    for leave in (lambda e: e.abort(CloseCode.CLIENT_CLOSED), lambda e: e.release()):
        client, connector = pair = ends(budget, budget)
        connect(pair, 1)
        for _ in range(20):
            client.send(bytes(min(65536, client.endpoint.room)))
            step(pair)
        client.send(bytes(client.endpoint.room))
        assert budget.lent_bytes > 0
        leave(client.endpoint)
        leave(connector.endpoint)
        assert budget.lent_bytes == 0


def test_an_offer_that_comes_to_nothing_takes_no_credit_away() -> None:
    """Credit announced only in an offered RESUME is announced again on the wire that goes on."""
    client, connector = pair = joined()
    while connector.send(bytes(min(65536, connector.endpoint.room))):
        client.receive(connector.endpoint.take())
    client.consume()
    client.endpoint.offer(2)  # never answered
    settle(pair)
    assert connector.endpoint.room > 0


def test_acknowledgements_are_few_and_can_be_flushed() -> None:
    """A keystroke is acknowledged with the echo or by the program's timer, bulk every 64 KiB."""
    client, connector = joined()
    client.send(b"k")
    connector.receive(client.endpoint.take())
    connector.consume()
    assert connector.endpoint.take() == b""
    assert connector.endpoint.wants_flush
    connector.send(b"e")
    assert kinds(connector.endpoint.take()) == [frames.ACK, frames.DATA]
    assert not connector.endpoint.wants_flush
    client.send(bytes(65536))
    connector.receive(client.endpoint.take())
    connector.consume()
    assert kinds(connector.endpoint.take()) == [frames.ACK]
