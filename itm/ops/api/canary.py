"""The canary: a catalog version that a slice of the networks lives with, and its end by a person.

The builder ends it, promoted or not; here a wish is written down that it heeds within its turn.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from aiohttp import web

from itm.errors import Refused
from itm.ops.api.maps import builder_report
from itm.ops.auth import AUTHOR
from itm.ops.context import EDGE, Edge
from itm.store import canaries


async def show(request: web.Request) -> web.Response:
    """GET /api/v1/catalog/canary: the one that runs with its last verdict, and what became of the others."""
    return web.json_response(await asyncio.to_thread(_show, request.app[EDGE]))


async def promote(request: web.Request) -> web.Response:
    """POST /api/v1/catalog/canary/promote: let all networks live with it now; 409 when none runs."""
    return await _wish(request, "promote")


async def abort(request: web.Request) -> web.Response:
    """POST /api/v1/catalog/canary/abort: let nobody live with it; 409 when none runs."""
    return await _wish(request, "abort")


def share(value: Any) -> str | None:
    """Accept true (the share of the settings) or the share of places that get a change first."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if value is True or (is_number and 0 < value <= 0.5) else "true, or a share above 0 up to 0.5"


async def _wish(request: web.Request, what: str) -> web.Response:
    edge = request.app[EDGE]
    found = await asyncio.to_thread(
        canaries.wish, edge.engine, what, author=request[AUTHOR], now=edge.clock()
    )
    if found is None:
        raise Refused(409, "no canary is running")
    return web.json_response({"version": found.version, "wish": what}, status=202)


def _show(edge: Edge) -> dict[str, Any]:
    running = canaries.running(edge.engine)
    report = (builder_report(edge.config.state_dir) or {}).get("canary")
    now = None
    if running is not None:
        verdict = report["verdict"] if report and report["version"] == running.version else None
        now = asdict(running) | {"verdict": verdict}
    ended = (asdict(one) for one in canaries.history(edge.engine) if one.ended_at is not None)
    return {"running": now, "ended": list(ended)}
