"""A session request and its answer: bytes in, bytes out; what is planned for whom is decided elsewhere.

The request's body is empty or `{"service": "gw.example.net"}`, whatever content type it was sent with;
other fields are ignored. The answer names the session, how long one probe may take, and the probes with
their tokens.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from collectors.errors import SessionError
from collectors.limits import shown

TIMEOUT_MS: Final = 4000
"""A probe that takes longer has failed."""

MOST_BYTES: Final = 1024
"""Of a request: one name, and room to spare."""

NAME_CHARACTERS: Final = 253  # RFC 1035 2.3.4, without the final dot
SESSION_CHARACTERS: Final = 26  # 130 bits; one DNS label

SMALL: Final = "/probe/v1/r.gif"
LARGE: Final = "/probe/v1/l.bin"


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of the answer, with why it is in it: `base` is the POP's probe URL; `is_large` offers the
    throughput object.
    """

    pop: str
    why: str
    base: str
    token: str
    is_large: bool


def service_of(body: bytes) -> str:
    """Return the steered name that a request asks about, lower case and absolute; "" for none in particular.

    Raises `SessionError` saying what was expected.
    """
    if not body.strip():
        return ""
    if len(body) > MOST_BYTES:
        raise SessionError(f"{len(body)} bytes; a session request has at most {MOST_BYTES}")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise SessionError("the body is neither empty nor JSON") from None
    name = content.get("service", "") if isinstance(content, dict) else None
    if not isinstance(name, str) or not name.isprintable() or len(name.rstrip(".")) > NAME_CHARACTERS:
        raise SessionError(f'expected {{"service": "gw.example.net"}} or nothing, got {shown(content)}')
    return f"{name.strip().rstrip('.').lower()}." if name.strip() else ""


def new_session(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return the name of a new session: 26 characters of base32, a DNS label that nobody asked for before."""
    return base64.b32encode(random_bytes(20)).decode("ascii").lower()[:SESSION_CHARACTERS]


def resolver_url(session: str, probe_zone: str) -> str:
    """Return what a browser fetches so that its resolver asks for the session's name below `probe_zone`."""
    return f"https://{session}.{probe_zone.removesuffix('.')}{SMALL}"


def answer(session: str, probes: Sequence[Probe], resolver: str | None = None) -> bytes:
    """Return the answer's JSON; `resolver` is the URL that shows which resolver the client uses, if any."""
    content = {
        "session": session,
        "resolver": resolver,
        "timeout_ms": TIMEOUT_MS,
        "probes": [
            {
                "pop": one.pop,
                "why": one.why,
                "url": one.base + SMALL,
                "large_url": one.base + LARGE if one.is_large else None,
                "token": one.token,
            }
            for one in probes
        ],
    }
    return json.dumps(content, separators=(",", ":")).encode()
