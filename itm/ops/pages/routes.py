"""The files of this folder over HTTP: read once, served with an ETag, looked at again after a few minutes.

Scripts and pages of other origins may load them (CORS, and CORP for pages that isolate themselves). The demo
page runs nothing of anybody else's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

MAX_AGE_SECONDS: Final = 300
"""How long a browser keeps a file without asking: bounds how late a new script reaches pages."""

HEADERS: Final = {
    "Cache-Control": f"public, max-age={MAX_AGE_SECONDS}",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""Of every file; the policy counts for the page alone, whose probes go to whatever POPs are planned."""

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class File:
    """One file of the folder, served at `path` as `kind` (a content type, in UTF-8)."""

    path: str
    name: str
    kind: str

    def route(self) -> web.RouteDef:
        """Return the route for GET and HEAD; reads the file."""
        body = (_FOLDER / self.name).read_bytes()
        tag = hashlib.sha256(body).hexdigest()[:16]

        async def get(request: web.Request) -> web.Response:
            if any(known.value in ("*", tag) for known in request.if_none_match or ()):
                response = web.Response(status=304, headers=HEADERS)
            else:
                response = web.Response(body=body, content_type=self.kind, charset="utf-8", headers=HEADERS)
            response.etag = tag
            return response

        return web.get(self.path, get)


FILES: Final = (
    File("/rum/v1/rum.js", "rum.js", "text/javascript"),
    File("/rum/v1/demo", "demo.html", "text/html"),
    File("/rum/v1/demo.css", "demo.css", "text/css"),
    File("/rum/v1/demo.js", "demo.js", "text/javascript"),
)


def routes() -> Sequence[web.RouteDef]:
    """Return the routes of all files."""
    return [file.route() for file in FILES]
