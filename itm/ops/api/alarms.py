"""Alarms: what the builder noticed and holds nothing back for, and what it has taken back."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web

from itm.ops.api.maps import builder_report
from itm.ops.api.models import model_alarms
from itm.ops.context import EDGE, Edge
from itm.store import canaries

LATELY_SECONDS: Final = 86_400.0
"""So long a canary that was rolled back is an alarm."""


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/alarms: places whose round trips to a POP drifted away from what was usual; for how long
    nothing was measured, if nothing was; why the predictor drifted from what clients measure, or a candidate
    was refused, if so; own steps that did not run; canaries rolled back of late.
    """
    edge = request.app[EDGE]
    state = edge.config.state_dir
    report = builder_report(state) or {}
    reasons = await asyncio.to_thread(model_alarms, state)
    failing = [one for one in report.get("own_steps", []) if one["fault"]]
    harmful = await asyncio.to_thread(_harmful, edge)
    told = {
        "drifts": report.get("drifts", []),
        "silence": report.get("silence"),
        "model": reasons,
        "own_steps": failing,
        "canaries": harmful,
    }
    return web.json_response(told)


def _harmful(edge: Edge) -> list[dict[str, Any]]:
    since = edge.clock() - LATELY_SECONDS
    return [
        {"version": one.version, "ended_at": one.ended_at, "reason": one.reason}
        for one in canaries.history(edge.engine)
        if one.fate == "rolled back" and (one.ended_at or 0.0) >= since
    ]
