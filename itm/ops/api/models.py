"""The predictor: what it is worth on live data, and what came of the last look at its training table."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from itm.errors import Refused
from itm.ops.context import EDGE
from itm.steer.modelwatch import FILE
from itm.steer.trialfiles import FOLDER, LAST

ALARMING = ("refused", "failed")


async def drift(request: web.Request) -> web.Response:
    """GET /api/v1/model/drift: the verdict and its figures, the last retraining; 404 before a build."""
    state = request.app[EDGE].config.state_dir
    report = await asyncio.to_thread(drift_report, state)
    if not report:
        raise Refused(404, "nothing was built yet")
    return web.json_response({**report, "retraining": await asyncio.to_thread(retraining_report, state)})


def drift_report(state: Path) -> dict[str, Any]:
    """Return the builder's last judgement of the predictor; nothing before its first build."""
    return _read(state / FILE)


def retraining_report(state: Path) -> dict[str, Any]:
    """Return what came of the last look at the training table; nothing before the first."""
    return _read(state / FOLDER / LAST)


def model_alarms(state: Path) -> list[str]:
    """Return why the predictor drifted, and why the last candidate did not replace it, if so."""
    report, last = drift_report(state), retraining_report(state)
    reasons = list(report["reasons"]) if report.get("verdict") == "drifted" else []
    if last.get("outcome") in ALARMING:
        reasons += [f"retraining {last['outcome']}: {reason}" for reason in last["reasons"]]
    return reasons


def _read(path: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return report
