"""The broker's HTTPS API: every route in one table; what a handler does stands in the file of its noun.

Errors are JSON, `{"code": word, "text": text}`; the code is a close code where there is one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from aiohttp import web

from gateway.broker import access, api_directory, api_enrol, api_sessions, api_site, api_sta, api_user
from gateway.broker.controller import Controllers
from gateway.broker.desk import Desk
from gateway.broker.directory_login import DirectoryLogin
from gateway.broker.enumeration import Enumeration
from gateway.broker.neighbours import Neighbours
from gateway.broker.offers import Offers
from gateway.broker.reach import Reach
from gateway.errors import (
    GatewayError,
    Invalid,
    NameTaken,
    NotFound,
    Refused,
    Unauthorised,
    Unavailable,
    Unreachable,
)

MAX_BODY_BYTES: Final = 64 * 1024

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Route(NamedTuple):
    """One row of the table."""

    method: str
    path: str
    handler: Handler


ROUTES: Final = (
    Route("GET", "/healthz", api_user.healthz),
    Route("POST", "/sta/ticket", api_sta.ticket),
    Route("POST", "/sta/redeem", api_sta.redeem),
    Route("POST", "/sta/refresh", api_sta.refresh),
    Route("POST", "/scripts/ctxsta.dll", api_sta.exchange),
    Route("POST", "/connectors/enrol", api_enrol.enrol_connector),
    Route("POST", "/connectors/renew", api_enrol.renew_connector),
    Route("POST", "/connectors/sessions", api_sessions.hold),
    Route("POST", "/pops/enrol", api_enrol.enrol_pop),
    Route("POST", "/pops/renew", api_enrol.renew_pop),
    Route("GET", "/pops/alternates", api_enrol.alternates),
    Route("GET", "/authority/ca.pem", api_enrol.ca),
    Route("GET", "/authority/token.pem", api_enrol.token_key),
    Route("GET", "/authority/crl.pem", api_enrol.revocations),
    Route("GET", "/resources", api_user.resources),
    Route("POST", "/launch", api_user.launch),
    Route("POST", "/directories/test", api_directory.test),
    Route("POST", "/sites/check", api_site.check),
)

STATUS: Final[tuple[tuple[type[GatewayError], int, str], ...]] = (
    (Invalid, 400, "invalid"),
    (NotFound, 404, "not_found"),
    (NameTaken, 409, "name_taken"),
    (Unreachable, 502, "unreachable"),
    (GatewayError, 500, "broker_internal"),
)
"""Status and code of errors that carry none; the first that fits."""


def build(
    desk: Desk, reach: Reach, agents: access.Agents, neighbours: Neighbours, more: Sequence[Route] = ()
) -> web.Application:
    """Return the application: the API, and `more` beside it."""
    app = web.Application(middlewares=[errors_as_json], client_max_size=MAX_BODY_BYTES)
    app[access.DESK] = desk
    app[access.REACH] = reach
    app[access.AGENTS] = agents
    app[access.NEIGHBOURS] = neighbours
    enumeration = Enumeration(Controllers(reach))
    app[access.OFFERS] = Offers(desk.engine, desk.launcher, enumeration, desk.clock)
    app[access.LOGINS] = access.LoginLimit(desk.clock)
    app[access.DIRECTORIES] = DirectoryLogin(desk.directories, reach, desk.clock)
    app[access.HASHING] = asyncio.Semaphore(2)
    for route in (*ROUTES, *more):
        app.router.add_route(route.method, route.path, route.handler)
    return app


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into one JSON answer."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _answer(error.status, error.reason.lower().replace(" ", "_"), error.reason)
    except Unauthorised as error:
        is_basic = request.path in ("/resources", "/launch")
        return _answer(401, error.code, str(error), {"WWW-Authenticate": "Basic"} if is_basic else None)
    except Unavailable as error:
        return _answer(503, error.code, str(error))
    except Refused as error:
        is_busy = error.code == "client_rate_limited"
        return _answer(429 if is_busy else 403, error.code, str(error))
    except GatewayError as error:
        status, code = next((number, code) for kind, number, code in STATUS if isinstance(error, kind))
        return _answer(status, code, str(error))
    except Exception:
        log.exception("http.bug", extra={"method": request.method, "path": request.path})
        return _answer(500, "broker_internal", "internal error; the broker's log has it")


def _answer(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"code": code, "text": text}, status=status, headers=headers)
