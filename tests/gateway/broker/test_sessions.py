"""What the broker knows of sessions: who runs what, and why they ended, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from gateway.broker import resources, sessions
from gateway.broker.resources import Resource
from gateway.errors import NotFound, Refused
from tests.gateway.broker.world import NOW, make_resource, make_sta


def opened(engine: Engine, resource: Resource, user: str = "alice") -> str:
    sta = make_sta(engine)
    ticket = sta.request(resource, user, now=NOW, refreshable=True)
    return sta.redeem(ticket, "fra", now=NOW).session


def test_running_sessions_are_listed_until_they_end(engine: Engine) -> None:
    """By tenant; one past its longest duration runs no more, and neither does one that was ended."""
    resource = make_resource(engine, max_seconds=60)
    first, second = opened(engine, resource), opened(engine, resource, "bob")
    found = sessions.listing(engine, tenant="default", now=NOW)
    assert {(one.id, one.user, one.pop) for one in found} == {(first, "alice", "fra"), (second, "bob", "fra")}
    assert sessions.listing(engine, tenant="other", now=NOW) == ()
    assert sessions.end(engine, tenant="default", session=first, now=NOW + 1) == 1
    assert [one.id for one in sessions.listing(engine, tenant="default", now=NOW + 1)] == [second]
    assert sessions.listing(engine, tenant="default", now=NOW + 60) == ()
    everything = sessions.listing(engine, tenant="default", now=NOW + 60, with_ended=True)
    assert {(one.id, one.code) for one in everything} == {(first, "broker_ended"), (second, None)}


def test_all_of_a_user_end_at_once(engine: Engine) -> None:
    """And only theirs; a session of another tenant or one that is over cannot be ended."""
    resource = make_resource(engine)
    mine = {opened(engine, resource), opened(engine, resource)}
    other = opened(engine, resource, "bob")
    assert sessions.end(engine, tenant="default", user="alice", now=NOW) == 2
    assert {one.id for one in sessions.ended_by_us(engine, NOW - 1)} == mine
    assert sessions.ended_by_us(engine, NOW + 1) == ()
    for tenant, session in (("elsewhere", other), ("default", mine.pop()), ("default", "0" * 32)):
        with pytest.raises(NotFound):
            sessions.end(engine, tenant=tenant, session=session, now=NOW)


def test_an_ended_session_is_not_refreshed_and_takes_no_ticket(engine: Engine) -> None:
    """Neither a new ticket nor one that is on its way brings it back."""
    sta, session = make_sta(engine), opened(engine, make_resource(engine))
    ticket, _ = sta.refresh(session, "fra", now=NOW)
    sessions.end(engine, tenant="default", session=session, now=NOW)
    with pytest.raises(Refused) as redeemed:
        sta.redeem(ticket, "ams", now=NOW)
    with pytest.raises(Refused) as refreshed:
        sta.refresh(session, "ams", now=NOW)
    assert str(redeemed.value.code) == str(refreshed.value.code) == "broker_ended"


def test_a_connector_speaks_for_its_location_only(engine: Engine) -> None:
    """It says once why a session ended; nobody else's session is touched, nonsense is kept as `other`."""
    resource = make_resource(engine)
    session = opened(engine, resource)
    sessions.report_ends(engine, [(session, "vda_reset")], location="elsewhere", now=NOW)
    assert len(sessions.listing(engine, tenant="default", now=NOW)) == 1
    sessions.report_ends(engine, [(session, "vda_reset")], location=resource.location, now=NOW)
    sessions.report_ends(engine, [(session, "client_idle")], location=resource.location, now=NOW)
    [one] = sessions.among(engine, [session, "0" * 32], location=resource.location)
    assert (one.code, one.ended_at) == ("vda_reset", NOW)
    assert sessions.among(engine, [session], location="elsewhere") == ()
    strange = opened(engine, resource)
    sessions.report_ends(engine, [(strange, "x" * 99)], location=resource.location, now=NOW)
    assert sessions.among(engine, [strange], location=resource.location)[0].code == "pop_other"


def test_a_removed_resource_leaves_its_sessions(engine: Engine) -> None:
    """They go on to their end; only what the resource said of idleness is gone."""
    resource = make_resource(engine, idle_seconds=77)
    session = opened(engine, resource)
    assert sessions.among(engine, [session], location=resource.location)[0].idle_seconds == 77
    resources.remove(engine, resource)
    assert sessions.among(engine, [session], location=resource.location)[0].idle_seconds is None
