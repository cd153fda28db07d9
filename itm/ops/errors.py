"""Every error of the HTTP API as JSON, in one place.

`{"error": text}` for all, with `"reasons": [...]` where there are several; the status says whose
fault it was. An exception that nobody raised on purpose is logged and answered 500 without its text.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from collectors.errors import CollectorsError, JournalError
from itm.errors import CatalogError, ExplainMismatch, ItmError, NotEnrolled, Refused, UnsafePlan

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (JournalError, 503),
    (CatalogError, 422),
    (UnsafePlan, 409),
    (NotEnrolled, 403),
    (ExplainMismatch, 500),
    (ItmError, 400),
    (CollectorsError, 500),
)
"""The first that fits; subclasses stand before their base."""


def errors_as_json(headers: Mapping[str, str] = NO_HEADERS) -> Middleware:
    """Return what turns whatever a handler raises into one JSON answer that has these headers."""

    @web.middleware
    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            answer = error_response(error.status, error.text or error.reason, headers=allow)
        except web.RequestPayloadError:  # a stranger's: broken chunks, or not packed as it claims to be
            answer = error_response(400, "the body is not what its headers say")
        except ConnectionResetError:  # who left while sending is not there for the answer, either
            answer = error_response(400, "the connection ended before the body did")
        except Refused as error:
            answer = error_response(error.status, str(error))
        except (ItmError, CollectorsError) as error:
            answer = _ours(request, error)
        except Exception:
            log.exception("http.bug", extra={"method": request.method, "path": request.path})
            answer = error_response(500, "internal error; the server's log has it")
        answer.headers.update(headers)
        return answer

    return answered


def error_response(
    status: int, text: str, *, reasons: tuple[str, ...] = (), headers: dict[str, str] | None = None
) -> web.Response:
    """Return the one shape of an error."""
    body: dict[str, object] = {"error": text}
    if reasons:
        body["reasons"] = list(reasons)
    return web.json_response(body, status=status, headers=headers)


def _ours(request: web.Request, error: Exception) -> web.Response:
    status = next(number for kind, number in STATUS if isinstance(error, kind))
    if status >= 500:
        log.error("http.failed", extra={"path": request.path, "error": str(error)})
    reasons = error.reasons if isinstance(error, CatalogError) else ()
    headers = {"Retry-After": "5"} if status == 503 else None
    return error_response(status, str(error), reasons=reasons, headers=headers)
