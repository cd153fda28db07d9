"""JSON bodies and query parameters of the API, parsed once into checked values.

All faults of a body are reported together; an unknown key is a fault, not a guess.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from itm.errors import Refused

Check = Callable[[Any], str | None]
"""A value in, what was expected instead out; None when it is right."""


async def read_object(
    request: web.Request, checks: Mapping[str, Check], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the JSON object of the body. Raises `Refused` (400) with every fault."""
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body must be a JSON object")
    faults = _faults(body, checks, required, "key")
    if faults:
        raise Refused(400, "; ".join(faults))
    return body


def whole_parameters(
    request: web.Request, checks: Mapping[str, Check], required: tuple[str, ...] = ()
) -> dict[str, int]:
    """Return the query's parameters as whole numbers. Raises `Refused` (400) with every fault."""
    given = {name: int(v) if v.isdecimal() and len(v) <= 9 else v for name, v in request.query.items()}
    faults = _faults(given, checks, required, "parameter")
    if faults:
        raise Refused(400, "; ".join(faults))
    return {name: int(value) for name, value in given.items()}


def _faults(
    given: Mapping[str, Any], checks: Mapping[str, Check], required: tuple[str, ...], what: str
) -> list[str]:
    faults = [f"{name}: no such {what} (known: {', '.join(checks)})" for name in given if name not in checks]
    faults += [f"{name}: is missing" for name in required if name not in given]
    for name, check in checks.items():
        if name in given and (expected := check(given[name])) is not None:
            faults.append(f"{name}: expected {expected}")
    return faults


def text(longest: int) -> Check:
    """Accept a text of at most `longest` characters."""
    return lambda v: (
        None if isinstance(v, str) and len(v) <= longest else f"a text of at most {longest} characters"
    )


def one_of(words: tuple[str, ...]) -> Check:
    """Accept one of the words."""
    return lambda v: None if v in words else " or ".join(words)


def number(least: float, most: float) -> Check:
    """Accept a number in the range, or null for not stated."""

    def check(value: Any) -> str | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if value is None or (is_number and least <= value <= most) else f"{least:g} to {most:g}"

    return check


def whole(least: int, most: int | None = None) -> Check:
    """Accept a whole number of at least `least`, and of at most `most` where that is given."""

    def check(value: Any) -> str | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if is_whole and least <= value and (most is None or value <= most):
            return None
        return f"a whole number of at least {least}" + (f" and at most {most}" if most is not None else "")

    return check


def truth(value: Any) -> str | None:
    """Accept true or false."""
    return None if isinstance(value, bool) else "true or false"


def words(known: tuple[str, ...]) -> Check:
    """Accept a list of at least one of the known words."""

    def check(value: Any) -> str | None:
        is_good = isinstance(value, list) and value and all(v in known for v in value)
        return None if is_good else f"a list of {', '.join(known)}"

    return check


def files(value: Any) -> str | None:
    """Accept a mapping of file names to texts."""
    is_good = isinstance(value, dict) and value and all(isinstance(v, str) for v in value.values())
    return None if is_good else "file names with their texts"
