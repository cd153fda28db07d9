"""Why a client gets the answer it gets: the question is parsed here, answered by what the edge was given."""

from __future__ import annotations

import asyncio

from aiohttp import web

from itm.errors import Refused
from itm.ops.context import EDGE
from itm.steer.explain import WhyQuestion

PARAMETERS = ("name", "client", "resolver", "type")
TYPES = ("A", "AAAA")


async def why(request: web.Request) -> web.Response:
    """GET /api/v1/why?name=&client=&resolver=&type=."""
    unknown = [name for name in request.query if name not in PARAMETERS]
    if unknown:
        raise Refused(400, f"{unknown[0]}: no such parameter (known: {', '.join(PARAMETERS)})")
    given = {name: request.query.get(name, "") for name in PARAMETERS}
    qtype = (given["type"] or "A").upper()
    if not given["name"]:
        raise Refused(400, "name: is missing")
    if not given["client"] and not given["resolver"]:
        raise Refused(400, "client: is missing, and so is resolver")
    if qtype not in TYPES:
        raise Refused(400, f"type: expected {' or '.join(TYPES)}")
    question = WhyQuestion(given["name"], given["client"], given["resolver"], qtype)
    return web.json_response(await asyncio.to_thread(request.app[EDGE].explain, question))
