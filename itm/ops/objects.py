"""The objects that browsers and probes fetch: a 43-byte picture, 100 kB for throughput, a health page.

All are as cheap as an answer can be, never cached, and readable with full timing from any origin. The
gateway's POP serves the same ones on its client port.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiohttp import web

PIXEL: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
"""A transparent GIF of one pixel."""

LARGE: Final = bytes(range(256)) * 400
"""What throughput is measured with, 102,400 bytes."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Timing-Allow-Origin": "*",  # Resource Timing hides its phases from other origins without it
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
}


async def pixel(request: web.Request) -> web.Response:  # noqa: ARG001 - the handler's shape
    """GET /probe/v1/r.gif."""
    return web.Response(body=PIXEL, content_type="image/gif", headers=HEADERS)


async def large(request: web.Request) -> web.Response:  # noqa: ARG001 - the handler's shape
    """GET /probe/v1/l.bin."""
    return web.Response(body=LARGE, content_type="application/octet-stream", headers=HEADERS)


async def healthz(request: web.Request) -> web.Response:  # noqa: ARG001 - the handler's shape
    """GET /healthz: this process answers."""
    return web.Response(text="ok\n", headers=HEADERS)


def routes() -> Sequence[web.RouteDef]:
    """Return the routes of the probe objects; each answers HEAD, too."""
    return [
        web.get("/probe/v1/r.gif", pixel),
        web.get("/probe/v1/l.bin", large),
        web.get("/healthz", healthz),
    ]
