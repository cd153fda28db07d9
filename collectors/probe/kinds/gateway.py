"""A POP of the gateway, on its client port: it speaks SOCKS5 inside TLS, and says that it can serve.

Two connections, because a POP takes each one for one purpose (docs/protocol.md, sections 2 and 3). The first
brings a client's greeting and the POP's choice of a method (RFC 1928, section 3), then it leaves: no ticket
is shown, no broker asked, and to the POP a visit like that is no launch. The second asks for `/healthz`: 200
and a word, or 503 and why no client can be served (it is stopping, full, or heard by no broker).
"""

from __future__ import annotations

from typing import Final

from collectors.probe.connection import connected
from collectors.probe.failure import Failed
from collectors.probe.finding import Finding, finding
from collectors.probe.kinds import http
from collectors.probe.target import Target

GREETING: Final = bytes((5, 1, 0))  # version 5, one method: without authentication
CHOSEN: Final = bytes((5, 0))
HEALTHY: Final = "ok"


async def check(target: Target) -> Finding:
    """Greet, then ask for the health; a POP that is being drained passes, with a notice."""
    async with connected(target) as connection:
        connection.writer.write(GREETING)
        answer = await connection.read_exactly(len(CHOSEN))
        if answer != CHOSEN:
            raise Failed(f"answered a SOCKS5 greeting with {answer.hex(' ')}")
    async with connected(target) as connection:
        response, body = await http.get(connection, target, has_body=True)
    word = body[:64].decode("utf-8", "replace").strip()
    if response.status_code != 200:
        raise Failed(f"cannot serve: {word or response.status_code}")
    return finding(target, connection.days_left, "" if word == HEALTHY else word)
