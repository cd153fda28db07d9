"""What an operator on this machine may see: health, metrics, sessions and traces. Read only, on loopback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.pop.health import Health
from gateway.pop.sessions import Sessions

RECENT: Final = 200


def build(health: Callable[[], Health], metrics: Callable[[], str], sessions: Sessions) -> web.Application:
    """Return the application; `health` says whether the POP can serve."""

    async def healthz(_: web.Request) -> web.Response:
        now = health()
        return web.Response(text=f"{now.word}\n", status=200 if now.can_serve else 503)

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(text=metrics(), content_type="text/plain")

    async def recent(_: web.Request) -> web.Response:
        return web.json_response([record.as_json() for record in sessions.recent(RECENT)])

    async def trace(request: web.Request) -> web.Response:
        found = sessions.trace(request.match_info["session"])
        return web.json_response([record.as_json() for record in found], status=200 if found else 404)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/sessions", recent)
    app.router.add_get("/sessions/{session}", trace)
    return app
