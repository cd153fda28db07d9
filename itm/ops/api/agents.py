"""Agents of checks: invite one (its token is shown once), list them with what they said last, revoke one."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from aiohttp import web

from itm.errors import NameTaken, Refused
from itm.ops import body
from itm.ops.auth import AUTHOR
from itm.ops.context import EDGE, Edge
from itm.ops.health import LOCAL
from itm.store import agents as store
from itm.store.agents import Agent

TOKEN_SECONDS: Final = 3600.0
LONGEST_TOKEN_SECONDS: Final = 7 * 86_400.0
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def _word(value: Any) -> str | None:
    is_good = isinstance(value, str) and _WORD.fullmatch(value)
    return None if is_good else "1 to 32 of a-z 0-9 -, a letter or digit first"


WANTED = {
    "name": _word,
    "region": _word,
    "for_seconds": body.number(1, 10 * 366 * 86_400),
    "token_seconds": body.number(1, LONGEST_TOKEN_SECONDS),
}


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/probe/agents: the server's own checks first; never a secret."""
    edge = request.app[EDGE]
    own = {"name": LOCAL, "region": edge.config.probe.region, "state": "enrolled"}
    shown = [own, *(_shown(edge, agent) for agent in edge.agents.listing())]
    return web.json_response({"plan": edge.agents.version, "agents": shown})


async def invite(request: web.Request) -> web.Response:
    """POST /api/v1/probe/agents: 201 with a one-time token; 409 when an agent of that name may report."""
    edge = request.app[EDGE]
    wanted = await body.read_object(request, WANTED, required=("name", "region"))
    name, region, now = wanted["name"], wanted["region"], edge.clock()
    if name == LOCAL:
        raise Refused(400, f"name: {LOCAL!r} is the server itself")
    ends = now + (wanted.get("token_seconds") or TOKEN_SECONDS)
    lasting = wanted.get("for_seconds")

    def make() -> str:
        return store.invite(
            edge.engine, name, region, author=request[AUTHOR], now=now, token_expires_at=ends,
            expires_at=None if lasting is None else now + lasting,
        )  # fmt: skip

    try:
        token = await asyncio.to_thread(make)
    except NameTaken:
        raise Refused(409, f"an agent named {name!r} reports: revoke it first") from None
    await edge.agents.reload()
    answer = {"name": name, "region": region, "token": token, "token_expires_at": ends}
    return web.json_response(answer, status=201, headers={"Cache-Control": "no-store"})


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/v1/probe/agents/{name}: what it said and will say counts nothing from now on."""
    edge, name = request.app[EDGE], request.match_info["name"]
    gone = await asyncio.to_thread(store.revoke, edge.engine, name, author=request[AUTHOR], now=edge.clock())
    if not gone:
        raise Refused(404, f"no agent named {name!r}, or it was revoked before")
    await edge.agents.reload()
    return web.json_response({"name": name, "revoked": True})


def _shown(edge: Edge, agent: Agent) -> dict[str, Any]:
    heard = edge.agents.heard(agent.name)
    return {
        "name": agent.name,
        "region": agent.region,
        "state": _state(agent, edge.clock()),
        "created_at": agent.created_at,
        "enrolled_at": agent.enrolled_at,
        "expires_at": agent.expires_at if agent.enrolled_at else agent.token_expires_at,
        "age_seconds": None if heard is None else round(edge.clock() - heard.at, 1),
        "outcomes": 0 if heard is None else heard.outcomes,
        "plan": None if heard is None else heard.plan,
    }


def _state(agent: Agent, now: float) -> str:
    ends = agent.expires_at if agent.enrolled_at else agent.token_expires_at
    if agent.revoked_at is not None:
        return "revoked"
    if ends is not None and ends <= now:
        return "expired"
    return "enrolled" if agent.enrolled_at is not None else "invited"
