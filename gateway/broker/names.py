"""Names that people give and addresses they write, checked once at the edge."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from gateway.errors import Invalid

_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_NAME: Final = re.compile(r"[^\W_](?:[\w .@+-]{0,62}[\w.+-])?")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")

Random = Callable[[int], str]
"""`secrets.token_hex`: a number of bytes in, twice as many hex digits out."""


def check_slug(kind: str, text: str) -> str:
    """Return an id of lower-case letters, digits and hyphens, at most 32. Raises `Invalid`."""
    if not _SLUG.fullmatch(text):
        raise Invalid([f"{kind}: expected up to 32 of a-z, 0-9 and inner hyphens, got {text[:64]!r}"])
    return text


def check_name(kind: str, text: str) -> str:
    """Return a name for people: up to 64 letters, digits, spaces and `. @ + - _`. Raises `Invalid`."""
    if not _NAME.fullmatch(text):
        raise Invalid([f"{kind}: expected up to 64 letters, digits, spaces, . @ + - _, got {text[:80]!r}"])
    return text


def new_id(name: str, random: Random) -> str:
    """Return an id that nobody else has and that still tells what it is: `berlin-9f32a1c0`."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:20].strip("-")
    return f"{words or 'x'}-{random(4)}"


def parse_address(kind: str, text: str) -> tuple[str, int]:
    """Return host and port of `host:port`, `[v6]:port`. Raises `Invalid`."""
    host, colon, port = text.strip().rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_number = port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536
    if not colon or not is_number or not _HOST.fullmatch(bare) or (":" in bare) != (bare != host):
        raise Invalid([f"{kind}: expected host:port, got {text[:300]!r}"])
    return bare, int(port)


def format_address(host: str, port: int) -> str:
    """Return `host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
