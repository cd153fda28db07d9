"""An answer without a body whose bytes lie ready, the same for everybody within a second.

A framework builds headers and writers for each answer; for those that nearly all requests of the public
listener get, that would cost as much as reading the request. One object serves all requests, and holds
nothing of any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

MAX_UNREAD_BYTES: Final = 65_536
"""A client that sends on and reads none of its answers is cut off when so much of them waits."""


class ReadyAnswer(web.StreamResponse):
    """Status and headers, over a connection that is kept; `for_request` says what whoever asked gets."""

    def __init__(
        self, status: int, headers: Mapping[str, str], clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(status=status)
        self._status = status
        self._own = dict(headers)
        self._clock = clock
        self._second = -1
        self._bytes = b""

    def for_request(self, request: web.Request) -> web.StreamResponse:
        """Return this answer, or a plain one where the connection ends with it (HTTP/1.0, or by request)."""
        if request.keep_alive and request.version == HttpVersion11:
            return self
        return web.Response(status=self._status, headers=self._own)

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
            length = {} if self._status == HTTPStatus.NO_CONTENT else {"Content-Length": "0"}
            headers = {**self._own, **length, "Date": formatdate(now, usegmt=True)}
            lines = [f"{name}: {value}" for name, value in headers.items()]
            head = f"HTTP/1.1 {self._status} {HTTPStatus(self._status).phrase}"
            self._bytes = "\r\n".join([head, *lines, "", ""]).encode()
        return self._bytes
