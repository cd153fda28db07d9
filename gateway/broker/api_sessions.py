"""Routing tokens, and what connectors ask about their sessions: the next token, and whether to end.

A token lives for `token_seconds`, the session for hours: its connector asks for the next one in time and
hands it to the client inside the session. One that was stolen is soon worth nothing, and a session that an
administrator ended gets none.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from gateway.broker import sessions
from gateway.broker.access import DESK, peer
from gateway.broker.body import read_object
from gateway.broker.desk import Desk
from gateway.broker.sessions import Session
from gateway.broker.tickets import Grant
from gateway.errors import Invalid
from gateway.protocol import token
from gateway.protocol.codes import CloseCode
from gateway.protocol.token import RoutingToken

RENEW_AT: Final = 3
"""At this part of a token's life: the broker may be away for the rest of it."""


async def hold(request: web.Request) -> web.Response:
    """POST /connectors/sessions {sessions, ended}: what a connector holds, what ended there and why.

    `ended` are texts of session and close code. Answers the next tokens, and which sessions an administrator
    has ended; one of another location, or unknown, is in neither.
    """
    identity, desk = await peer(request, "connector"), request.app[DESK]
    body = await read_object(request, (), lists=("sessions", "ended"))
    ends = [(session, code) for session, _, code in (item.partition(" ") for item in body["ended"])]
    if not all(session and code for session, code in ends):
        raise Invalid(["ended: expected SESSION CODE"])

    def work() -> tuple[Session, ...]:
        sessions.report_ends(desk.engine, ends, location=identity.location, now=desk.clock())
        return sessions.among(desk.engine, body["sessions"], location=identity.location)

    found = await asyncio.to_thread(work)
    now = desk.clock()
    answer = {
        "tokens": {one.id: _next(desk, one) for one in found if one.ended_at is None and one.ends_at > now},
        "ended": [one.id for one in found if one.code == CloseCode.BROKER_ENDED],
        "renew_after_seconds": desk.settings.token_seconds / RENEW_AT,
    }
    return web.json_response(answer)


def routing_token_of(desk: Desk, grant: Grant) -> str:
    """Return the first token of a session, or that of one that came back by a ticket."""
    what = grant.resource
    return _sign(
        desk, grant.session, what.location, what.tenant, grant.user, grant.ends_at, what.idle_seconds
    )


def _next(desk: Desk, one: Session) -> str:
    return _sign(desk, one.id, one.location, one.tenant, one.user, one.ends_at, one.idle_seconds or 0)


def _sign(
    desk: Desk, session: str, location: str, tenant: str, user: str, ends_at: float, idle_seconds: int
) -> str:
    expires = min(ends_at, desk.clock() + desk.settings.token_seconds)
    made = RoutingToken(
        session, location, tenant, user, int(expires), int(ends_at), idle_seconds=idle_seconds
    )
    return token.sign(made, desk.authority.token_key)
