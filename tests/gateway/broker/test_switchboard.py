from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.broker.switchboard import MAX_PENDING, Switchboard
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import (
    Announce,
    Cancel,
    Drain,
    End,
    Load,
    Open,
    Opened,
    Ping,
    Pong,
    Refused,
    Welcome,
    Withdraw,
)
from gateway.protocol.errors import ProtocolError
from tests.gateway.broker.world import Clock


def opening(number: int = 1, *, session: str = "0" * 32, connector: str = "", resume: bool = False) -> Open:
    return Open(
        nonce=number.to_bytes(16, "big"), key=bytes(32), session=session, location="site", host="h", port=1,
        pop=("10.0.0.1:443",), pop_name="gw.example", deadline_ms=3000, connector=connector, resume=resume,
    )  # fmt: skip


def board_of(*announced: Announce) -> tuple[Switchboard, int, int]:
    """A switchboard with an asking link and one that carries these connectors."""
    board = Switchboard(Clock())
    asker, carrier = board.join(), board.join()
    for announce in announced:
        assert board.receive(carrier, announce) == []
    return board, asker, carrier


def chosen(board: Switchboard, link: int, frame: Open) -> str:
    """The connector that gets the open, or the code of its refusal."""
    ((_, sent),) = board.receive(link, frame)
    return sent.connector if isinstance(sent, Open) else str(getattr(sent, "code", ""))


def test_an_open_reaches_the_other_pop_and_the_answer_comes_back() -> None:
    """The frame is as it was, with its connector; the answer goes to the asker, once."""
    board, asker, carrier = board_of(Announce("c-1", "site"))
    assert board.receive(asker, opening()) == [(carrier, opening(connector="c-1"))]
    opened = Opened(opening().nonce, 3, 4)
    assert board.receive(carrier, opened) == [(asker, opened)]
    assert board.receive(carrier, opened) == []


def test_nobody_there_is_said_at_once() -> None:
    """No connector of that location, or not the one asked for."""
    board, asker, _ = board_of(Announce("c-1", "elsewhere"), Announce("c-2", "site"))
    assert chosen(board, asker, opening(connector="c-9")) == "connector_none"
    assert chosen(board, asker, opening(connector="c-1")) == "connector_none"
    assert chosen(board, asker, opening()) == "c-2"


def test_the_least_loaded_is_chosen() -> None:
    """By share of its capacity; draining ones only for what they hold already."""
    board, asker, carrier = board_of(
        Announce("full", "site", 90, 100),
        Announce("half", "site", 500, 1000),
        Announce("old", "site", 0, 9, True),
    )
    assert chosen(board, asker, opening(1, session="1" * 32)) == "half"
    board.receive(carrier, Announce("half", "site", 950, 1000))
    assert chosen(board, asker, opening(2, session="2" * 32)) == "full"
    assert chosen(board, asker, opening(3, session="3" * 32, connector="old")) == "connector_none"
    assert chosen(board, asker, opening(4, session="4" * 32, connector="old", resume=True)) == "old"


def test_a_draining_pop_is_the_last_choice() -> None:
    """Its own state counts before its connectors'."""
    board, asker, draining = board_of(Announce("there", "site", 0, 10))
    other = board.join()
    board.receive(other, Announce("here", "site", 9, 10))
    board.receive(draining, Drain(60))
    assert chosen(board, asker, opening(1, session="1" * 32)) == "here"
    board.receive(draining, Load(0, 10, draining=False))
    assert chosen(board, asker, opening(2, session="2" * 32)) == "there"


def test_who_carries_a_location() -> None:
    """Links with a connector of it, draining ones last, the least loaded first, each once."""
    board, idle, draining = board_of(Announce("a", "site", 0, 10), Announce("b", "elsewhere"))
    busy = board.join()
    board.receive(busy, Announce("c", "site", 9, 10))
    board.receive(busy, Announce("d", "site", 8, 10))
    board.receive(idle, Announce("e", "site", 1, 10))
    board.receive(draining, Drain(60))
    assert board.carriers("site") == (idle, busy, draining)
    board.receive(idle, Announce("e", "site", 1, 10, draining=True))
    assert board.carriers("site") == (busy, draining)
    agents = board.join()
    board.receive(agents, Announce("g", "site", 0, 10, hosts=("desk-7",)))  # it reaches its own VDA only
    assert board.carriers("site") == (busy, draining)
    assert board.carriers("nowhere") == ()


def test_a_hedge_goes_to_another_connector() -> None:
    """A second open of a session never doubles the first one's work; a third finds nobody."""
    board, asker, _ = board_of(Announce("a", "site", 1, 10), Announce("b", "site", 2, 10))
    assert [chosen(board, asker, opening(n)) for n in (1, 2, 3)] == ["a", "b", "connector_none"]


def test_a_cancel_follows_the_open() -> None:
    """Only of who asked; the late answer goes nowhere."""
    board, asker, carrier = board_of(Announce("c-1", "site"))
    board.receive(asker, opening())
    cancel = Cancel(opening().nonce)
    assert board.receive(carrier, cancel) == []
    assert board.receive(asker, cancel) == [(carrier, cancel)]
    assert board.receive(carrier, Opened(opening().nonce)) == []


def test_a_stranger_cannot_answer() -> None:
    """A POP that guesses or steals a nonce is not heard."""
    board, asker, carrier = board_of(Announce("c-1", "site"))
    stranger = board.join()
    board.receive(asker, opening())
    assert board.receive(stranger, Refused(opening().nonce, CloseCode.VDA_REFUSED)) == []
    assert board.receive(carrier, Opened(opening().nonce)) == [(asker, Opened(opening().nonce))]


def test_a_nonce_is_used_once() -> None:
    """While the first open is under way."""
    board, asker, _ = board_of(Announce("c-1", "site"), Announce("c-2", "site"))
    board.receive(asker, opening())
    assert chosen(board, asker, opening(session="1" * 32)) == "pop_internal"


def test_a_pop_that_leaves_takes_its_opens_along() -> None:
    """What it carried is refused to the askers, what it asked for is cancelled; nobody waits in vain."""
    board, asker, carrier = board_of(Announce("c-1", "site"))
    board.receive(asker, opening())
    refused = Refused(opening().nonce, CloseCode.POP_LOST, "the connector's POP left")
    assert board.leave(carrier) == [(asker, refused)]
    assert chosen(board, asker, opening(2)) == "connector_none"
    carrier = board.join()
    board.receive(carrier, Announce("c-1", "site"))
    board.receive(asker, opening(3))
    assert board.leave(asker) == [(carrier, Cancel(opening(3).nonce))]


def test_a_connector_that_left_or_was_revoked_is_not_chosen() -> None:
    """Withdraw by its POP; revoked by the broker, which has every POP end what it has of it."""
    board, asker, carrier = board_of(Announce("a", "site"), Announce("b", "site"))
    board.receive(carrier, Withdraw("a"))
    assert board.announced() == {("b", "site")}
    assert board.revoke("b") == [(asker, Withdraw("b")), (carrier, Withdraw("b"))]
    assert chosen(board, asker, opening()) == "connector_none"


def test_the_agent_of_a_vda_goes_first_and_serves_nobody_else() -> None:
    """However full it is; draining or gone, a connector of the location serves."""
    agent = Announce("agent", "site", 9, 10, hosts=("desk-7", "10.0.0.7"))
    board, asker, carrier = board_of(Announce("c-1", "site", 0, 10), agent)
    assert chosen(board, asker, replace(opening(1), host="desk-7")) == "agent"
    assert chosen(board, asker, replace(opening(2), host="desk-8")) == "c-1"
    assert board.has_agent("site", "desk-7")
    assert not board.has_agent("other", "desk-7")
    assert not board.has_agent("site", "desk-8")
    board.receive(carrier, replace(agent, draining=True))
    assert not board.has_agent("site", "desk-7")
    assert chosen(board, asker, replace(opening(3, session="3" * 32), host="desk-7")) == "c-1"


def test_a_session_is_not_offered_twice_to_who_refused_it() -> None:
    """The asker tries again: another connector, then none; a wanted one may be asked any time."""
    board, asker, carrier = board_of(Announce("a", "site", 0, 10), Announce("b", "site", 5, 10))
    assert chosen(board, asker, opening(1, session="1" * 32)) == "a"
    board.receive(carrier, Refused(opening(1).nonce, CloseCode.VDA_TIMEOUT))
    assert chosen(board, asker, opening(2, session="1" * 32)) == "b"
    assert chosen(board, asker, opening(3, session="1" * 32)) == "connector_none"
    assert chosen(board, asker, replace(opening(4, session="1" * 32), connector="a")) == "a"
    assert board.leave(carrier) == [
        (asker, Refused(opening(number).nonce, CloseCode.POP_LOST, "the connector's POP left"))
        for number in (2, 4)
    ]


def test_opens_past_their_deadline_are_forgotten() -> None:
    """And there are never more than the limit under way."""
    clock = Clock()
    board = Switchboard(clock)
    asker = board.join()
    board.receive(asker, Announce("c-1", "site"))
    for number in range(MAX_PENDING):
        board.receive(asker, opening(number, session=f"{number:032x}"))
    assert chosen(board, asker, opening(MAX_PENDING, session="f" * 32)) == "broker_refused"
    clock.now += 3
    assert chosen(board, asker, opening(0, session="f" * 32)) == "c-1"


def test_pings_are_answered_and_the_rest_is_refused() -> None:
    """A POP does not send what only a broker sends."""
    board, asker, _ = board_of()
    assert board.receive(asker, Ping(7)) == [(asker, Pong(7))]
    assert board.receive(asker, Pong(7)) == []
    for frame in (Welcome("x"), End("0" * 32, CloseCode.BROKER_ENDED)):
        with pytest.raises(ProtocolError):
            board.receive(asker, frame)
