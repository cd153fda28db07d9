"""The POP's plain HTTP face on the client port: health, and the objects that browsers measure it with.

Timing-Allow-Origin opens the phases of the load to the measuring page (Resource Timing); a policy (`nel.py`)
has browsers report failures they meet here. Takes no body; one response, then the connection closes unless
the client keeps it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import h11

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.pop.counters import Counters
from gateway.pop.health import Health
from gateway.protocol.codes import CloseCode

PIXEL: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
"""A transparent GIF of 43 bytes."""
LARGE_BYTES: Final = 102_400
"""The object that throughput is measured with."""
KEEP_SECONDS: Final = 15.0
MOST_REQUESTS: Final = 100
_LARGE: Final = bytes(range(256)) * (LARGE_BYTES // 256)

Answer = tuple[int, str, bytes]


class Face:
    """Answers requests; `health` says whether the POP can serve, `policy` holds headers of every answer."""

    def __init__(
        self, health: Callable[[], Health], counters: Counters, policy: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._health, self._counters = health, counters
        self._headers = [
            ("Cache-Control", "no-store"),
            ("Timing-Allow-Origin", "*"),
            ("Access-Control-Allow-Origin", "*"),
            ("X-Content-Type-Options", "nosniff"),
            *policy,
        ]

    async def serve(self, channel: Channel) -> None:
        """Answer until the client is done or slow; the channel is closed."""
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=4096)
        try:
            for _ in range(MOST_REQUESTS):
                async with asyncio.timeout(KEEP_SECONDS):
                    request = await _next(http, channel)
                    if request is None:
                        break
                    await channel.write(self._respond(http, request))
                if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                    break
                http.start_next_cycle()
        except (h11.RemoteProtocolError, TimeoutError, Lost):
            self._counters.add("refused", str(CloseCode.CLIENT_PROTOCOL))
        await channel.farewell()

    def _respond(self, http: h11.Connection, request: h11.Request) -> bytes:
        status, kind, body = self._answer(request)
        self._counters.add("http", str(status))
        headers = [*self._headers, ("Content-Type", kind), ("Content-Length", str(len(body)))]
        parts = [http.send(h11.Response(status_code=status, headers=headers))]
        if request.method != b"HEAD":
            parts.append(http.send(h11.Data(data=body)))
        parts.append(http.send(h11.EndOfMessage()))
        return b"".join(part or b"" for part in parts)

    def _answer(self, request: h11.Request) -> Answer:
        path = request.target.partition(b"?")[0]
        if request.method not in (b"GET", b"HEAD"):
            return 405, "text/plain", b"method not allowed\n"
        if path == b"/healthz":
            health = self._health()
            return 200 if health.can_serve else 503, "text/plain", f"{health.word}\n".encode()
        if path == b"/probe/v1/r.gif":
            return 200, "image/gif", PIXEL
        if path == b"/probe/v1/l.bin":
            return 200, "application/octet-stream", _LARGE
        return 404, "text/plain", b"no such page\n"


async def _next(http: h11.Connection, channel: Channel) -> h11.Request | None:
    """Return the next request without a body; None when the client is done."""
    request: h11.Request | None = None
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await channel.read(4096))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage):
            return request
        elif isinstance(event, h11.ConnectionClosed):
            return None
        elif isinstance(event, h11.Data):
            raise h11.RemoteProtocolError("a request with a body")
        else:
            return None
