"""JSON bodies of the API, parsed once into texts and truths; all faults are reported together."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web

from gateway.errors import Invalid

MAX_TEXT: Final = 16_384
MAX_ITEMS: Final = 500


async def read_object(
    request: web.Request, texts: tuple[str, ...], truths: tuple[str, ...] = (), lists: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the body's object: every name of `texts` and `lists` (of texts), `truths` (False when absent).

    Raises `Invalid` for anything else, an unknown name too.
    """
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise Invalid(["the body is not JSON"]) from None
    if not isinstance(body, dict):
        raise Invalid(["the body must be a JSON object"])
    faults = [f"{name}: no such key" for name in body if name not in (*texts, *truths, *lists)]
    faults += [f"{name}: is missing" for name in (*texts, *lists) if name not in body]
    for name in texts:
        value = body.get(name, "")
        if not is_text(value, MAX_TEXT):
            faults.append(f"{name}: expected a text of at most {MAX_TEXT} characters")
    faults += [
        f"{name}: expected true or false" for name in truths if type(body.get(name, False)) is not bool
    ]
    faults += [
        f"{name}: expected a list of at most {MAX_ITEMS} texts of 200 characters at most"
        for name in lists
        if not _is_list_of_texts(body.get(name, []))
    ]
    if faults:
        raise Invalid([fault[:200] for fault in faults[:20]])
    return dict.fromkeys(truths, False) | body


def is_text(value: object, most: int) -> bool:
    """Whether it is a text that can be encoded and kept: no lone surrogate, no NUL (PostgreSQL has none)."""
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        return False
    return not any(0xD800 <= ord(letter) < 0xE000 for letter in value)


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_ITEMS and all(is_text(item, 200) for item in value)
