"""Demand: who is where, as the builder counted it last."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from itm.errors import Refused
from itm.ops.context import EDGE
from itm.steer.census import FILE


async def show(request: web.Request) -> web.Response:
    """GET /api/v1/demand: the sums, and the heaviest networks, ASes and countries; 404 before a build."""
    report = await asyncio.to_thread(census_report, request.app[EDGE].config.state_dir)
    if not report:
        raise Refused(404, "nothing was built yet")
    return web.json_response(report)


def census_report(state: Path) -> dict[str, Any]:
    """Return the builder's last census; nothing before its first build."""
    try:
        report: dict[str, Any] = json.loads((state / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return report
