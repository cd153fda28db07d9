"""The server about itself: alive, ready, metrics."""

from __future__ import annotations

import asyncio

from aiohttp import web

from itm.ops import metrics, readiness
from itm.ops.context import EDGE


async def healthz(request: web.Request) -> web.Response:  # noqa: ARG001 - the handler's shape
    """GET /healthz: the edge process answers."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 when a client's query gets a steered answer, else 503 with what is missing."""
    faults = await asyncio.to_thread(readiness.check, request.app[EDGE])
    return web.json_response({"ready": not faults, "faults": faults}, status=503 if faults else 200)


async def show_metrics(request: web.Request) -> web.Response:
    """GET /metrics: Prometheus text."""
    text = request.app[EDGE].registry.render()
    return web.Response(body=text.encode(), headers={"Content-Type": metrics.CONTENT_TYPE})
