"""Who may change what: bearer tokens with scopes, checked against the store.

Reading is open (the listener binds loopback by default); every change names its scope in the route
table. Knows no routes.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from itm.ops.context import EDGE
from itm.ops.errors import Handler, error_response
from itm.store import tokens

AUTHOR: Final = web.RequestKey("author", str)
"""The name of the token a change was made with."""


def guarded(handler: Handler, scope: str) -> Handler:
    """Return the handler behind a check: 401 without a good token, 403 when it lacks the scope."""

    async def checked(request: web.Request) -> web.StreamResponse:
        secret = bearer(request.headers.get("Authorization", ""))
        if not secret:
            return _unauthorized("this needs a token: Authorization: Bearer …")
        edge = request.app[EDGE]
        token = await asyncio.to_thread(tokens.verify, edge.engine, secret, edge.clock())
        if token is None:
            return _unauthorized("the token is unknown or has expired")
        if scope not in token.scopes:
            return error_response(403, f"token {token.name!r} lacks the scope {scope!r}")
        request[AUTHOR] = token.name
        return await handler(request)

    return checked


def bearer(header: str) -> str:
    """Return the secret of an Authorization header (RFC 6750 2.1), empty when it carries none."""
    scheme, _, secret = header.strip().partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _unauthorized(text: str) -> web.Response:
    return error_response(401, text, headers={"WWW-Authenticate": 'Bearer realm="itm"'})
