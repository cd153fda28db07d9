"""The answer to a beacon that was taken whole: 204, the same bytes for everybody within a second.

A framework builds headers and writers for each answer; for this one, which is nearly every answer of the
public listener, that would cost as much as reading the beacon. One object serves all requests, and holds
nothing of any.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

MAX_UNREAD_BYTES: Final = 65_536
"""A client that sends on and reads none of its answers is cut off when so much of them waits."""


class Taken(web.StreamResponse):
    """204 with CORS, over a connection that is kept. `fits` says whom it may answer."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(status=204)
        self._clock = clock
        self._second = -1
        self._bytes = b""

    @staticmethod
    def fits(request: web.Request) -> bool:
        """Say whether the connection stays open after this request, as in HTTP/1.1 it does."""
        return request.keep_alive and request.version == HttpVersion11

    @property
    def keep_alive(self) -> bool:
        """The connection is kept."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the whole answer."""
        transport = request.transport
        if transport is not None:
            transport.write(self._ready())
            if transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
                transport.abort()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """There is no body."""

    def _ready(self) -> bytes:
        now = int(self._clock())
        if now != self._second:
            self._second = now
            self._bytes = (
                "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\n"
                f"Date: {formatdate(now, usegmt=True)}\r\n\r\n"
            ).encode()
        return self._bytes
