"""Whoever looks at the page: the login behind the browser's cookie, and the form that was sent.

The cookie is `__Host-`: the browser sends it to this host only, over TLS only, and shows it to no script.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.broker import logins
from gateway.broker.access import DESK
from gateway.broker.logins import LONGEST_SECONDS, Login
from gateway.errors import Refused
from gateway.protocol.codes import CloseCode
from gateway.workspace.origin import form_token, is_form_token, is_ours

COOKIE: Final = "__Host-itm-workspace"
MAX_FIELD: Final = 1024


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is logged in; `token` goes into every form of their pages."""

    login: Login
    secret: str
    token: str


async def visitor(request: web.Request) -> Visitor | None:
    """Return who is logged in, or None."""
    secret = request.cookies.get(COOKIE, "")
    if not secret:
        return None
    desk = request.app[DESK]
    login = await asyncio.to_thread(logins.find, desk.engine, secret, now=desk.clock())
    return Visitor(login, secret, form_token(secret)) if login else None


async def sent(request: web.Request, of: Visitor | None = None) -> dict[str, str]:
    """Return the fields of a form that our page sent; of a visitor's page with their token.

    Raises `Refused` for a form from elsewhere.
    """
    if not is_ours(request.headers):
        raise Refused(CloseCode.BROKER_REFUSED, "This form did not come from this page. Please try again.")
    form = await request.post()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    if of and not is_form_token(fields.get("form", ""), of.secret):
        raise Refused(CloseCode.BROKER_REFUSED, "This page was out of date. Please try again.")
    return {name: value[:MAX_FIELD] for name, value in fields.items()}


def remember(response: web.StreamResponse, secret: str) -> None:
    """Give the browser its cookie."""
    response.set_cookie(
        COOKIE, secret, max_age=int(LONGEST_SECONDS), path="/", secure=True, httponly=True, samesite="Strict"
    )


def forget(response: web.StreamResponse) -> None:
    """Take the cookie away."""
    response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
