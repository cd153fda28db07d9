from __future__ import annotations

import re
import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from gateway.broker import resources
from gateway.broker.engine import open_engine
from gateway.broker.tickets import Grant, Sta
from gateway.errors import Refused
from gateway.protocol.ticket import Ticket, parse
from tests.gateway.broker.world import NOW, make_resource, make_sta


def refusal(sta: Sta, ticket: Ticket, now: float = NOW) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        sta.redeem(ticket, "fra", now=now)
    return str(caught.value.code), str(caught.value)


def test_a_ticket_opens_what_it_was_made_for(engine: Engine) -> None:
    """User, resource, location and target come from the request, the session's end from the resource."""
    resource = make_resource(engine, max_seconds=3600)
    sta = make_sta(engine)
    ticket = sta.request(resource, "alice", now=NOW)
    assert re.fullmatch(r";40;STA0123;[A-Z0-9]{32}", str(ticket))
    grant = sta.redeem(parse(str(ticket)), "fra", now=NOW + 99)
    assert grant == Grant(grant.session, "alice", resource, NOW + 99 + 3600)
    assert re.fullmatch(r"[0-9a-f]{32}", grant.session)


def test_a_ticket_is_used_once(engine: Engine) -> None:
    """The second POP is told that it was used, not that it never was."""
    sta = make_sta(engine)
    ticket = sta.request(make_resource(engine), "alice", now=NOW)
    sta.redeem(ticket, "fra", now=NOW)
    assert refusal(sta, ticket) == ("client_ticket_refused", "the ticket was used before")


def test_of_many_at_once_one_wins(engine: Engine) -> None:
    """Compare-and-delete: however many POPs present a ticket, it opens one session."""
    sta = make_sta(engine)
    ticket = sta.request(make_resource(engine), "alice", now=NOW)
    outcomes: list[object] = []
    barrier = threading.Barrier(6)

    def redeem() -> None:
        barrier.wait()
        try:
            outcomes.append(sta.redeem(ticket, "fra", now=NOW))
        except Refused as error:
            outcomes.append(str(error.code))

    threads = [threading.Thread(target=redeem) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, Grant) for outcome in outcomes) == 1
    assert outcomes.count("client_ticket_refused") == 5


def test_a_ticket_expires_after_100_s(engine: Engine) -> None:
    """An expired ticket is told so, and is gone."""
    sta = make_sta(engine)
    ticket = sta.request(make_resource(engine), "alice", now=NOW)
    assert refusal(sta, ticket, NOW + 100)[0] == "client_ticket_expired"
    assert refusal(sta, ticket)[0] == "client_ticket_refused"


def test_a_restart_forgets_nothing(engine: Engine, url: str) -> None:
    """Another process on the same database redeems; a third one knows that it was used."""
    ticket = make_sta(engine).request(make_resource(engine), "alice", now=NOW)
    engine.dispose()
    for expected in (None, "the ticket was used before"):
        again = open_engine(url)
        sta = make_sta(again)
        if expected is None:
            assert sta.redeem(ticket, "fra", now=NOW).user == "alice"
        else:
            assert refusal(sta, ticket)[1] == expected
        again.dispose()


def test_a_foreign_sta_is_refused(engine: Engine) -> None:
    """A ticket of another STA, or of an older version, is not ours, even in the same database."""
    sta = make_sta(engine)
    ticket = make_sta(engine, "STA9999").request(make_resource(engine), "alice", now=NOW)
    assert refusal(sta, ticket)[0] == "client_ticket_foreign"
    assert refusal(sta, replace(ticket, sta=sta.id))[1] == "not a ticket of this STA"
    assert refusal(sta, replace(sta.request(make_resource(engine, "b"), "a", now=NOW), version=20))[0] == (
        "client_ticket_foreign"
    )


def test_a_guess_costs_no_look_up(engine: Engine) -> None:
    """A value that this STA did not stamp is refused without the database."""
    sta = make_sta(engine)
    ticket = sta.request(make_resource(engine), "alice", now=NOW)
    assert sta.is_genuine(ticket)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE gw_tickets"))
    for value in ("A" * 32, ticket.value[::-1], "0" * 32, ticket.value[:30]):
        assert refusal(sta, replace(ticket, value=value))[1] == "not a ticket of this STA"


def test_the_database_holds_no_ticket(engine: Engine) -> None:
    """Who reads the table cannot use what stands there."""
    ticket = make_sta(engine).request(make_resource(engine), "alice", now=NOW)
    with engine.begin() as connection:
        row = connection.execute(text("SELECT * FROM gw_tickets")).one()
    assert not [value for value in row if ticket.value in str(value)]


def test_a_refreshed_ticket_brings_back_the_same_session(engine: Engine) -> None:
    """It holds 500 s, opens the session it was made for, and can be refreshed again."""
    sta = make_sta(engine)
    first = sta.redeem(sta.request(make_resource(engine), "alice", now=NOW, refreshable=True), "fra", now=NOW)
    ticket, grant = sta.refresh(first.session, "ams", now=NOW + 50)
    assert grant == first
    assert sta.redeem(ticket, "ams", now=NOW + 50 + 499) == first
    assert refusal(sta, ticket)[1] == "the ticket was used before"
    again, _ = sta.refresh(first.session, "ams", now=NOW + 600)
    assert refusal(sta, again, NOW + 1100)[0] == "client_ticket_expired"


def test_a_later_refresh_replaces_the_earlier(engine: Engine) -> None:
    """One outstanding ticket per session."""
    sta = make_sta(engine)
    made = sta.request(make_resource(engine), "alice", now=NOW, refreshable=True)
    first = sta.redeem(made, "fra", now=NOW)
    earlier, _ = sta.refresh(first.session, "fra", now=NOW)
    later, _ = sta.refresh(first.session, "fra", now=NOW)
    assert refusal(sta, earlier)[0] == "client_ticket_refused"
    assert sta.redeem(later, "fra", now=NOW).session == first.session


def test_what_cannot_be_refreshed(engine: Engine) -> None:
    """A session that is over, unknown, or whose ticket was not refreshable."""
    sta = make_sta(engine)
    resource = make_resource(engine, max_seconds=60)
    plain = sta.redeem(sta.request(resource, "alice", now=NOW), "fra", now=NOW)
    short = sta.redeem(sta.request(resource, "alice", now=NOW, refreshable=True), "fra", now=NOW)
    for session, now, code in (
        (plain.session, NOW, "broker_refused"),
        ("0" * 32, NOW, "broker_refused"),
        (short.session, NOW + 60, "client_session_expired"),
    ):
        with pytest.raises(Refused) as caught:
            sta.refresh(session, "fra", now=now)
        assert str(caught.value.code) == code


def test_a_refreshed_ticket_does_not_outlive_the_session(engine: Engine) -> None:
    """The resource's longest duration counts from the first launch."""
    sta = make_sta(engine)
    resource = make_resource(engine, max_seconds=60)
    first = sta.redeem(sta.request(resource, "alice", now=NOW, refreshable=True), "fra", now=NOW)
    ticket, _ = sta.refresh(first.session, "fra", now=NOW + 30)
    assert refusal(sta, ticket, NOW + 61)[0] == "client_ticket_expired"


def test_a_removed_resource_takes_its_tickets_along(engine: Engine) -> None:
    """What is no longer offered cannot be opened."""
    sta = make_sta(engine)
    resource = make_resource(engine)
    ticket = sta.request(resource, "alice", now=NOW)
    resources.remove(engine, resource)
    assert refusal(sta, ticket)[1] == "the ticket is unknown"


def test_old_rows_go(engine: Engine) -> None:
    """Tickets that nobody redeemed and sessions long over are forgotten with the next request."""
    sta = make_sta(engine)
    resource = make_resource(engine, max_seconds=60)
    sta.redeem(sta.request(resource, "alice", now=NOW), "fra", now=NOW)
    sta.request(resource, "alice", now=NOW)
    sta.request(resource, "alice", now=NOW + 10_000)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM gw_tickets")).scalar() == 1
        assert connection.execute(text("SELECT count(*) FROM gw_sessions")).scalar() == 0
