"""Tokens: make one (its secret is shown once), list them, revoke one."""

from __future__ import annotations

import asyncio

from aiohttp import web

from itm.errors import NameTaken, Refused
from itm.ops import body
from itm.ops.auth import AUTHOR
from itm.ops.context import EDGE
from itm.store import tokens

WANTED = {
    "name": body.text(64),
    "scopes": body.words(tokens.SCOPES),
    "for_seconds": body.number(1, 10 * 366 * 86_400),
}


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/tokens: names, scopes and times; never a secret."""
    found = await asyncio.to_thread(tokens.listing, request.app[EDGE].engine)
    shown = [
        {"name": t.name, "scopes": list(t.scopes), "created_at": t.created_at, "expires_at": t.expires_at}
        for t in found
    ]
    return web.json_response({"tokens": shown})


async def create(request: web.Request) -> web.Response:
    """POST /api/v1/tokens: 201 with the secret, which nobody can read again; 409 when the name is taken."""
    edge = request.app[EDGE]
    wanted = await body.read_object(request, WANTED, required=("name", "scopes"))
    name, scopes = wanted["name"].strip(), wanted["scopes"]
    if not name:
        raise Refused(400, "name: expected a text that is not empty")
    now, lasting = edge.clock(), wanted.get("for_seconds")
    expires_at = None if lasting is None else now + lasting

    def make() -> str:
        return tokens.create(
            edge.engine, name, scopes, author=request[AUTHOR], now=now, expires_at=expires_at
        )

    try:
        secret = await asyncio.to_thread(make)
    except NameTaken:
        raise Refused(409, f"a token named {name!r} exists") from None
    answer = {"name": name, "token": secret, "scopes": scopes, "expires_at": expires_at}
    return web.json_response(answer, status=201, headers={"Cache-Control": "no-store"})


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/v1/tokens/{name}: it stops working at once."""
    edge, name = request.app[EDGE], request.match_info["name"]
    gone = await asyncio.to_thread(tokens.revoke, edge.engine, name, author=request[AUTHOR], now=edge.clock())
    if not gone:
        raise Refused(404, f"no token named {name!r}")
    return web.json_response({"name": name, "revoked": True})
