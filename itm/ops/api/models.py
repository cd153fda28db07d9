"""The predictor: what it is worth on live data, as the builder judged it last."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from itm.errors import Refused
from itm.ops.context import EDGE
from itm.steer.modelwatch import FILE


async def drift(request: web.Request) -> web.Response:
    """GET /api/v1/model/drift: the verdict and its figures; 404 before the first build."""
    report = await asyncio.to_thread(drift_report, request.app[EDGE].config.state_dir)
    if not report:
        raise Refused(404, "nothing was built yet")
    return web.json_response(report)


def drift_report(state: Path) -> dict[str, Any]:
    """Return the builder's last judgement of the predictor; nothing before its first build."""
    try:
        report: dict[str, Any] = json.loads((state / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return report
