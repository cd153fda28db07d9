"""JSON bodies of the API, parsed once into texts and truths; all faults are reported together."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web

from gateway.errors import Invalid

MAX_TEXT: Final = 16_384


async def read_object(
    request: web.Request, texts: tuple[str, ...], truths: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the body's object: every name of `texts`, and of `truths` (False when absent).

    Raises `Invalid` for anything else, an unknown name too.
    """
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise Invalid(["the body is not JSON"]) from None
    if not isinstance(body, dict):
        raise Invalid(["the body must be a JSON object"])
    faults = [f"{name}: no such key" for name in body if name not in (*texts, *truths)]
    faults += [f"{name}: is missing" for name in texts if name not in body]
    for name in texts:
        value = body.get(name, "")
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            faults.append(f"{name}: expected a text of at most {MAX_TEXT} characters")
    faults += [
        f"{name}: expected true or false" for name in truths if type(body.get(name, False)) is not bool
    ]
    if faults:
        raise Invalid([fault[:200] for fault in faults[:20]])
    return dict.fromkeys(truths, False) | body
