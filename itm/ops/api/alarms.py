"""Alarms: what the builder noticed and holds nothing back for."""

from __future__ import annotations

from aiohttp import web

from itm.ops.api.maps import builder_report
from itm.ops.context import EDGE


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/alarms: places whose round trips to a POP drifted away from what was usual."""
    report = builder_report(request.app[EDGE].config.state_dir) or {}
    return web.json_response({"drifts": report.get("drifts", [])})
