"""Tickets over HTTPS: requested by portals (a key), redeemed and refreshed by POPs (a certificate)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any

from aiohttp import web

from gateway.broker import resources, sta
from gateway.broker.access import AGENTS, DESK, peer, portal
from gateway.broker.api_sessions import routing_token_of
from gateway.broker.body import read_object
from gateway.broker.desk import Desk
from gateway.broker.names import check_name
from gateway.broker.resources import Resource
from gateway.broker.tickets import LIFETIME_SECONDS, REFRESHED_SECONDS, Grant
from gateway.errors import GatewayError, Invalid, NotFound, Refused, Unauthorised
from gateway.identity import host_name
from gateway.protocol import ticket as text_form
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import KEY_BYTES
from gateway.protocol.errors import ProtocolError
from gateway.protocol.ticket import Ticket

log = logging.getLogger(__name__)


async def ticket(request: web.Request) -> web.Response:
    """POST /sta/ticket {resource, user, refreshable?}: a ticket, for a portal that has logged the user in."""
    tenant, desk = await portal(request), request.app[DESK]
    body = await read_object(request, ("resource", "user"), ("refreshable",))
    user = check_name("user", body["user"])

    def work() -> Ticket:
        wanted = resources.find(desk.engine, body["resource"], tenant=tenant)
        return desk.sta.request(wanted, user, now=desk.clock(), refreshable=body["refreshable"])

    made = await asyncio.to_thread(work)
    return web.json_response({"ticket": str(made), "sta": made.sta, "expires_seconds": int(LIFETIME_SECONDS)})


async def redeem(request: web.Request) -> web.Response:
    """POST /sta/redeem {ticket, pop}: what the ticket opens, once; 403 with a close code otherwise."""
    identity, desk = await peer(request, "pop"), request.app[DESK]
    body = await read_object(request, ("ticket", "pop"))
    if body["pop"] != identity.id:
        raise Unauthorised("broker_refused", f"the certificate is {identity.id}'s")
    try:
        presented = text_form.parse(body["ticket"])
    except ProtocolError as error:
        raise Refused(error.code, error.text) from None
    grant = await _redeem(desk, presented, identity.id)
    resource = grant.resource
    has_agent = request.app[AGENTS].stand(resource.location, host_name(resource.host))
    return web.json_response(_opened(desk, grant) | {"agent": has_agent})


async def refresh(request: web.Request) -> web.Response:
    """POST /sta/refresh {session}: a ticket and a routing token that bring the client back later."""
    identity, desk = await peer(request, "pop"), request.app[DESK]
    body = await read_object(request, ("session",))
    now = desk.clock()
    made, grant = await asyncio.to_thread(desk.sta.refresh, body["session"], identity.id, now=now)
    left = int(min(REFRESHED_SECONDS, grant.ends_at - now))
    answer = {"ticket": str(made), "expires_seconds": left, "resume_token": routing_token_of(desk, grant)}
    return web.json_response(answer)


async def exchange(request: web.Request) -> web.Response:
    """POST /scripts/ctxsta.dll: the XML exchange; a refusal is XML too, with the status of the JSON API."""
    desk, body = request.app[DESK], await request.read()
    try:
        asked = sta.parse_request(body)
        if isinstance(asked, sta.TicketRequest):
            tenant = await portal(request)
            answer = sta.render_ticket(await asyncio.to_thread(_request_by_address, desk, asked, tenant))
        else:
            identity = await peer(request, "pop")
            grant = await _redeem(desk, asked.ticket, identity.id)
            answer = sta.render_data(grant.resource.target, grant.user)
    except (Invalid, NotFound) as error:
        code = "invalid" if isinstance(error, Invalid) else "not_found"
        return _xml_error(400 if isinstance(error, Invalid) else 404, code, error)
    except Unauthorised as error:
        return _xml_error(401, error.code, error)
    except Refused as error:
        return _xml_error(403, error.code, error)
    return web.Response(body=answer, content_type=sta.CONTENT_TYPE)


def _xml_error(status: int, code: str, error: GatewayError) -> web.Response:
    body = sta.render_error(code, str(error))
    return web.Response(status=status, body=body, content_type=sta.CONTENT_TYPE)


def _request_by_address(desk: Desk, asked: sta.TicketRequest, tenant: str) -> Ticket:
    """A portal names a VDA's address: it must be that of one of the tenant's resources."""
    found = resources.at_target(desk.engine, asked.host, asked.port, tenant=tenant)
    named = [resource for resource in found if resource.name == asked.application]
    chosen: Resource | None = next(iter(named or found), None)
    if chosen is None:
        raise NotFound(f"{tenant} has no resource at the requested ICAAddress")
    return desk.sta.request(chosen, asked.user, now=desk.clock(), refreshable=asked.refreshable)


async def _redeem(desk: Desk, presented: Ticket, pop: str) -> Grant:
    try:
        grant = await asyncio.to_thread(desk.sta.redeem, presented, pop, now=desk.clock())
    except Refused as error:
        is_over = error.code != CloseCode.CLIENT_TICKET_EXPIRED and desk.guesses.add(pop)
        log.info(
            "ticket.refused",
            extra={
                "ticket": presented.fingerprint,
                "pop": pop,
                "code": str(error.code),
                "reason": str(error),
            },
        )
        raise (Refused(CloseCode.CLIENT_RATE_LIMITED) if is_over else error) from None
    log.info(
        "ticket.redeemed",
        extra={
            "ticket": presented.fingerprint,
            "pop": pop,
            "session": grant.session,
            "resource": grant.resource.id,
        },
    )
    return grant


def _opened(desk: Desk, grant: Grant) -> dict[str, Any]:
    resource = grant.resource
    return {
        "session": grant.session,
        "user": grant.user,
        "tenant": resource.tenant,
        "location": resource.location,
        "resource": resource.id,
        "target": resource.target,
        "limits": {
            "idle_seconds": resource.idle_seconds,
            "max_seconds": max(1, int(grant.ends_at - desk.clock())),
        },
        "resume_token": routing_token_of(desk, grant),
        "open_key": secrets.token_hex(KEY_BYTES),
    }
