"""A connector renews the routing tokens of its sessions over HTTPS, and hears which of them are to end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.broker import resources, sessions
from gateway.broker.resources import Draft
from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.token import RoutingToken, keyring, verify
from tests.gateway.broker.serving import Served, broker
from tests.gateway.broker.world import Clock

LIFE = 900.0


async def opened(served: Served, location: str, name: str = "desk") -> dict[str, Any]:
    """Redeem a fresh ticket of a resource at the location; return the broker's answer."""
    desk = served.desk
    draft = Draft(name, location, "10.0.0.5", 3389, idle_seconds=600, max_seconds=3600)
    resource = resources.add(desk.engine, draft, tenant="default", now=desk.clock())
    ticket = desk.sta.request(resource, "alice", now=desk.clock())
    pop = await served.enrol_pop()
    body = {"ticket": str(ticket), "pop": "fra"}
    answer: dict[str, Any] = (await served.call("POST", "/sta/redeem", json=body, tls=pop)).json
    return answer


async def held(served: Served, tls: Any, *ids: str, ended: tuple[str, ...] = ()) -> dict[str, Any]:
    body = {"sessions": list(ids), "ended": list(ended)}
    answer = await served.call("POST", "/connectors/sessions", json=body, tls=tls)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def read(served: Served, text: str) -> RoutingToken:
    key = served.desk.authority.token_key.public_key()
    return verify(text, keyring([key]), served.desk.clock())


def test_a_stolen_token_goes_stale_while_the_session_lives(tmp_path: Path) -> None:
    """A token lives for a quarter of an hour here; its connector gets the next one, to the session's end."""

    async def story() -> None:
        clock = Clock()
        async with broker(tmp_path, clock=clock, token_seconds=LIFE) as served:
            tls, who = await served.enrol_connector()
            grant = await opened(served, who["location"])
            session, stolen = grant["session"], grant["resume_token"]
            first = read(served, stolen)
            assert (first.expires, first.ends) == (int(clock.now + LIFE), int(clock.now + 3600))
            for _ in range(11):
                clock.now += LIFE / 3
                answer = await held(served, tls, session)
                assert answer["renew_after_seconds"] == LIFE / 3
                token = read(served, answer["tokens"][session])
                assert (token.session, token.location, token.ends, token.idle_seconds) == (
                    session, who["location"], first.ends, 600,
                )  # fmt: skip
                assert token.expires == min(int(clock.now + LIFE), first.ends)
            with pytest.raises(ProtocolError) as stale:
                read(served, stolen)
            assert stale.value.code is CloseCode.CLIENT_TOKEN_EXPIRED
            clock.now += LIFE / 3
            assert (await held(served, tls, session))["tokens"] == {}
            with pytest.raises(ProtocolError) as over:
                read(served, answer["tokens"][session])
            assert over.value.code is CloseCode.CLIENT_SESSION_EXPIRED

    asyncio.run(story())


def test_an_ended_session_gets_no_token(tmp_path: Path) -> None:
    """Its connector is told to end it; what a connector reports as ended is over too."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            tls, who = await served.enrol_connector()
            session = (await opened(served, who["location"]))["session"]
            other = (await opened(served, who["location"], "mail"))["session"]
            sessions.end(served.desk.engine, tenant="default", session=session, now=served.desk.clock())
            answer = await held(served, tls, session, other, ended=(f"{other} vda_closed",))
            assert (answer["tokens"], answer["ended"]) == ({}, [session])

    asyncio.run(story())


def test_a_connector_asks_for_its_location_only(tmp_path: Path) -> None:
    """Somebody else's sessions are neither renewed nor ended; a POP or nobody may not ask at all."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            tls, who = await served.enrol_connector()
            stranger, _ = await served.enrol_connector("elsewhere")
            session = (await opened(served, who["location"]))["session"]
            answer = await held(served, stranger, session, "f" * 32, ended=(f"{session} client_closed",))
            assert (answer["tokens"], answer["ended"]) == ({}, [])
            assert list((await held(served, tls, session))["tokens"]) == [session]
            body = {"sessions": [session], "ended": []}
            for context in (await served.enrol_pop("ams"), None):
                refused = await served.call("POST", "/connectors/sessions", json=body, tls=context)
                assert refused.status == 401
            for wrong in ({"sessions": "x", "ended": []}, {"sessions": [1], "ended": []}, {"sessions": []}):
                refused = await served.call("POST", "/connectors/sessions", json=wrong, tls=tls)
                assert refused.status == 400
            wrong_end = {"sessions": [], "ended": ["nothing"]}
            assert (await served.call("POST", "/connectors/sessions", json=wrong_end, tls=tls)).status == 400

    asyncio.run(story())
