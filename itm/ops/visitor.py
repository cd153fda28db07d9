"""A visitor of the public listener: whose address a request comes from, and what lets any page send one.

No cookie, no token of a session: CORS is open to every origin, as a page that measures is never ours.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from collectors.errors import OriginError
from collectors.rum.origin import Address, Origin
from itm.errors import Refused

CORS: Final = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT: Final = {
    **CORS,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


async def preflight(request: web.Request) -> web.Response:  # noqa: ARG001 - the handler's shape
    """OPTIONS: any page may send."""
    return web.Response(status=204, headers=PREFLIGHT)


def client_of(request: web.Request, origin: Origin) -> Address:
    """Return the client's address. Raises `Refused` (400) for a broken header of a trusted proxy."""
    try:
        return origin.client(request.remote or "", request.headers.getall("X-Forwarded-For", ()))
    except OriginError as error:
        raise Refused(400, str(error)) from error
