"""Reads the JSON of the other side strictly: each value with its path, one fault at a time. Pure."""

from __future__ import annotations

import json
from typing import Any

from collectors.errors import FormError


def parse(body: bytes, where: str) -> dict[str, Any]:
    """Return the JSON object of a body. Raises `FormError`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise FormError(f"{where}: not JSON") from None
    return mapping(value, where)


def mapping(value: object, where: str) -> dict[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise FormError(f"{where}: expected an object, got {type(value).__name__}")
    return value


def sequence(value: object, where: str, most: int) -> list[Any]:
    """Return a list of at most `most` values."""
    if not isinstance(value, list):
        raise FormError(f"{where}: expected a list, got {type(value).__name__}")
    if len(value) > most:
        raise FormError(f"{where}: {len(value)} values; at most {most}")
    return value


def text(value: object, where: str, most: int) -> str:
    """Return a text of at most `most` characters."""
    if not isinstance(value, str):
        raise FormError(f"{where}: expected a text, got {type(value).__name__}")
    if len(value) > most:
        raise FormError(f"{where}: longer than {most} characters")
    return value


def number(value: object, where: str, least: float, most: float) -> float:
    """Return a number of `least` to `most`; what is no number at all (NaN) is not between them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormError(f"{where}: expected a number, got {type(value).__name__}")
    if not least <= value <= most:
        raise FormError(f"{where}: expected {least:g} to {most:g}, got {str(value)[:20]}")
    return float(value)


def truth(value: object, where: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise FormError(f"{where}: expected true or false, got {type(value).__name__}")
    return value
