"""Alarms: what the builder noticed and holds nothing back for."""

from __future__ import annotations

from aiohttp import web

from itm.ops.api.maps import builder_report
from itm.ops.api.models import drift_report
from itm.ops.context import EDGE


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/alarms: places whose round trips to a POP drifted away from what was usual; why the
    predictor drifted from what clients measure, if it did; own steps that did not run.
    """
    state = request.app[EDGE].config.state_dir
    report, model = builder_report(state) or {}, drift_report(state)
    reasons = model["reasons"] if model.get("verdict") == "drifted" else []
    failing = [one for one in report.get("own_steps", []) if one["fault"]]
    return web.json_response({"drifts": report.get("drifts", []), "model": reasons, "own_steps": failing})
