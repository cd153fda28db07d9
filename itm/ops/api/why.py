"""Why a client gets the answer it gets: the question is parsed here, answered by what the edge was given."""

from __future__ import annotations

import asyncio

from aiohttp import web

from itm.errors import Refused
from itm.ops.api.pops import load_of
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
    edge = request.app[EDGE]
    story = await asyncio.to_thread(edge.explain, question)
    for pop in story["pops"]:
        pop["load"] = load_of(edge, pop["pop"])
    return web.json_response(story)
