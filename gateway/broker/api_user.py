"""A user's resources and launch files over HTTPS, by name and password; and whether the broker can serve."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.broker.access import DESK, OFFERS, user
from gateway.broker.body import read_object
from gateway.broker.engine import reading
from gateway.broker.launch import CONTENT_TYPE


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 while the database answers."""
    desk = request.app[DESK]

    def ask() -> None:
        with reading(desk.engine) as connection:
            connection.execute(text("SELECT 1 FROM gw_tenants LIMIT 1"))

    try:
        await asyncio.to_thread(ask)
    except SQLAlchemyError as error:
        return web.json_response({"code": "broker_internal", "text": type(error).__name__}, status=503)
    counts = {"wrong_tickets": desk.guesses.wrong, "alarms": desk.guesses.alarms}
    return web.json_response({"status": "ok", "sta": desk.sta.id, **counts})


async def resources(request: web.Request) -> web.Response:
    """GET /resources: what the user may open."""
    tenant, name = await user(request)
    found = await request.app[OFFERS].of_user(name, tenant=tenant)
    answer = {"resources": [asdict(offer) for offer in found.offers], "notices": found.notices}
    return web.json_response(answer)


async def launch(request: web.Request) -> web.Response:
    """POST /launch {resource}: a launch file with a fresh ticket."""
    tenant, name = await user(request)
    body = await read_object(request, ("resource",))
    made = await request.app[OFFERS].launch(body["resource"], name, tenant=tenant)
    headers = {
        "Content-Disposition": f'attachment; filename="{made.file_name}"',
        "Cache-Control": "no-store",
    }
    return web.Response(text=made.text, content_type=CONTENT_TYPE, headers=headers)
