"""HTTP and HTTPS: one GET (RFC 9110); status, a header and a text in the body are looked at.

Redirects are not followed: they show that the POP answers. Of the body only the first 64 KiB are read,
and none of it when no text is looked for.
"""

from __future__ import annotations

from typing import Final

import h11

from collectors.probe.connection import Connection, connected
from collectors.probe.failure import Failed
from collectors.probe.finding import Finding, finding
from collectors.probe.target import Target

BODY_BYTES: Final = 65_536
"""In which the expected text must stand: no check reads a whole download."""
HEAD_BYTES: Final = 16_384
"""Of status line and headers: what usual servers send at most."""
AGENT: Final = "itm-probe/1"


async def check(target: Target) -> Finding:
    """Ask for the path; raises `Failed` naming the first expectation that does not hold."""
    async with connected(target) as connection:
        response, body = await get(connection, target, has_body=bool(target.body))
    if not any(low <= response.status_code <= high for low, high in target.status):
        raise Failed(f"HTTP status {response.status_code}")
    if target.header and not _has_header(response, target.header):
        raise Failed(f"no header {target.header!r}")
    if target.body and target.body.encode() not in body:
        raise Failed(f"the body does not hold {target.body!r}")
    return finding(target, connection.days_left)


async def get(connection: Connection, target: Target, *, has_body: bool) -> tuple[h11.Response, bytes]:
    """Return the response to a GET of the target's path, and the first bytes of its body if they are wanted.

    Raises `Failed` for what is not HTTP.
    """
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
    headers = [("Host", _host(target)), ("User-Agent", AGENT), ("Accept", "*/*"), ("Connection", "close")]
    request = h11.Request(method="GET", target=target.path, headers=headers)
    connection.writer.write((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
    response, body = None, bytearray()
    try:
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                if not (data := await connection.read(BODY_BYTES)) and response is None:
                    raise Failed("closed without a response")
                http.receive_data(data)
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
            if response and (not has_body or len(body) >= BODY_BYTES or isinstance(event, h11.EndOfMessage)):
                return response, bytes(body[:BODY_BYTES])
    except h11.RemoteProtocolError as error:
        raise Failed(f"not HTTP: {error}") from None


def _host(target: Target) -> str:
    address = f"[{target.address}]" if ":" in target.address else target.address
    is_usual = target.port == (443 if target.protocol == "https" else 80)
    return target.host or (address if is_usual else f"{address}:{target.port}")


def _has_header(response: h11.Response, wanted: str) -> bool:
    name, colon, value = (part.strip() for part in wanted.partition(":"))
    found = [text.decode("latin-1") for key, text in response.headers if key == name.lower().encode()]
    return value in found if colon else bool(found)
