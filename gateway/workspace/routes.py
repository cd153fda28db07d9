"""The Workspace on the broker's listener: log in, see, open, log out; every answer has the page's headers.

| address | what |
|---|---|
| `/`, `/t/TENANT` | log in, of the default tenant or of one |
| `/left`, `/t/TENANT/left` | after the log-out |
| `/apps` | what the user may open; `POST /apps/ID/launch` answers with the launch file |
"""

from __future__ import annotations

import asyncio
import logging
from functools import wraps
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.broker import access, logins
from gateway.broker.access import DESK, OFFERS
from gateway.broker.api import Handler, Route
from gateway.broker.launch import CONTENT_TYPE
from gateway.broker.tickets import LIFETIME_SECONDS
from gateway.errors import NotFound, Refused, Unauthorised, Unavailable, Unreachable
from gateway.workspace import pages
from gateway.workspace.visitor import Visitor, forget, remember, sent, visitor

log = logging.getLogger(__name__)

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer the forms' Origin would be null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

WRONG: Final = "The user name or the password is wrong."
TOO_MANY: Final = "Too many attempts with this name. Please wait a minute, then try again."
NO_DIRECTORY: Final = "Your password cannot be checked at the moment. Please try again later."
GONE: Final = "This resource is no longer there for you. The list below is fresh."
NO_TICKET: Final = (
    "The file could not be made: something on our side is broken. Please try again in a moment."
)
AWAY: Final = "The site that runs this does not answer at the moment. Please try again later."
OVER: Final = "You have been logged out. Please log in again."

_FOLDER: Final = Path(__file__).parent
_FILES: Final = {"style.css": "text/css", "icon.svg": "image/svg+xml"}


def page(status: int, text: str) -> web.Response:
    """Return a page."""
    return web.Response(status=status, text=text, content_type="text/html")


def as_page(handler: Handler) -> Handler:
    """Give a handler's answers the page's headers, and turn what it raises into a page."""

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except Refused as error:
            response = page(403, pages.fault_page("That did not work", str(error)))
        except web.HTTPException as error:
            response = page(error.status, pages.fault_page("That did not work", error.reason))
        except Exception:
            log.exception("http.bug", extra={"method": request.method, "path": request.path})
            response = page(
                500, pages.fault_page("Something broke", "It is not you. The broker's log has it.")
            )
        response.headers.update(HEADERS | dict(response.headers))
        return response

    return wrapped


async def front(request: web.Request) -> web.StreamResponse:
    """GET / and /t/TENANT: to log in, or on to what is theirs."""
    if await visitor(request):
        return _see_other("/apps")
    return page(200, pages.login_page(tenant=request.match_info.get("tenant", "")))


async def login(request: web.Request) -> web.StreamResponse:
    """POST /login and /t/TENANT/login {user, password}."""
    fields = await sent(request)
    tenant, user = request.match_info.get("tenant", ""), fields.get("user", "").strip()
    whole = f"{tenant}\\{user}" if tenant else user
    try:
        found, name = await access.log_in(request.app, whole, fields.get("password", ""))
    except Unauthorised:
        return page(401, pages.login_page(tenant=tenant, user=user, fault=WRONG))
    except Unavailable:
        return page(503, pages.login_page(tenant=tenant, user=user, fault=NO_DIRECTORY))
    except Refused:
        return page(429, pages.login_page(tenant=tenant, user=user, fault=TOO_MANY))
    desk = request.app[DESK]
    before = await visitor(request)
    if before:
        await asyncio.to_thread(logins.end, desk.engine, before.secret)
    secret = await asyncio.to_thread(logins.begin, desk.engine, found, name, now=desk.clock())
    response = _see_other("/apps")
    remember(response, secret)
    return response


async def logout(request: web.Request) -> web.StreamResponse:
    """POST /logout: the cookie is worth nothing from now on, wherever it is."""
    who = await visitor(request)
    if who:
        await sent(request, who)
        await asyncio.to_thread(logins.end, request.app[DESK].engine, who.secret)
    tenant = who.login.tenant if who else access.DEFAULT_TENANT
    response = _see_other("/left" if tenant == access.DEFAULT_TENANT else f"/t/{tenant}/left")
    forget(response)
    return response


async def left(request: web.Request) -> web.StreamResponse:
    """GET /left and /t/TENANT/left: where the log-out leads."""
    if await visitor(request):
        return _see_other("/apps")
    return page(200, pages.login_page(tenant=request.match_info.get("tenant", ""), has_left=True))


async def parting(_request: web.Request) -> web.StreamResponse:
    """GET /workspace/parting.css: no style, but the browser drops the pages it kept for the way back.

    Chromium keeps even `no-store` pages, and takes this header (Clear Site Data, W3C) for them only on an
    answer that arrives after the page was left: that of `/left` itself comes too early.
    """
    return web.Response(content_type="text/css", headers={"Clear-Site-Data": '"cache"'})


async def apps(request: web.Request) -> web.StreamResponse:
    """GET /apps: what the user may open."""
    who = await visitor(request)
    return await _listed(request, who) if who else _over()


async def launch(request: web.Request) -> web.StreamResponse:
    """POST /apps/ID/launch: the launch file, with a fresh ticket; the page stays where it is."""
    who = await visitor(request)
    if who is None:
        return _over()
    await sent(request, who)
    login = who.login
    try:
        made = await request.app[OFFERS].launch(request.match_info["id"], login.user, tenant=login.tenant)
    except (NotFound, Refused):
        return await _listed(request, who, 404, GONE)
    except Unreachable as error:
        log.warning("launch.failed", extra={"tenant": login.tenant, "reason": str(error)})
        return await _listed(request, who, 503, AWAY)
    except Exception:  # whatever it was, the page must say so where the user is
        log.exception("launch.failed", extra={"tenant": login.tenant})
        return await _listed(request, who, 503, NO_TICKET)
    headers = {"Content-Disposition": f'attachment; filename="{made.file_name}"'}
    return web.Response(text=made.text, content_type=CONTENT_TYPE, headers=headers)


async def file(request: web.Request) -> web.StreamResponse:
    """GET /workspace/FILE: the style sheet and the icon."""
    name = request.match_info["file"]
    if name not in _FILES:
        raise web.HTTPNotFound
    headers = {"Cache-Control": "max-age=3600", "Content-Type": _FILES[name]}
    return web.FileResponse(_FOLDER / name, headers=headers)


async def _listed(request: web.Request, who: Visitor, status: int = 200, fault: str = "") -> web.Response:
    login = who.login
    found = await request.app[OFFERS].of_user(login.user, tenant=login.tenant)
    text = pages.resources_page(
        user=access.join_name(login.tenant, login.user),
        token=who.token,
        offers=found.offers,
        notices=found.notices,
        lifetime_seconds=LIFETIME_SECONDS,
        fault=fault,
    )
    return page(status, text)


def _over() -> web.Response:
    response = page(401, pages.login_page(fault=OVER))
    forget(response)
    return response


def _see_other(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})


ROUTES: Final = tuple(
    Route(method, path, as_page(handler))
    for method, path, handler in (
        ("GET", "/", front),
        ("GET", "/t/{tenant}", front),
        ("POST", "/login", login),
        ("POST", "/t/{tenant}/login", login),
        ("POST", "/logout", logout),
        ("GET", "/left", left),
        ("GET", "/t/{tenant}/left", left),
        ("GET", "/apps", apps),
        ("POST", "/apps/{id}/launch", launch),
        ("GET", "/workspace/parting.css", parting),
        ("GET", "/workspace/{file}", file),
    )
)
