"""HTTPS to one broker, on connections that are kept: request in, status and body out (h11, our channel)."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import h11

from gateway.channel import EMPTY, Channel
from gateway.dial import connect, start_tls
from gateway.errors import ConfigError, Lost

MOST_ANSWER_BYTES: Final = 1 << 20
MOST_IDLE: Final = 8
"""Connections kept."""
DIAL_SECONDS: Final = 5.0


class BrokerHttp:
    """One broker at `https://HOST:PORT`; `context` gives the current TLS client context."""

    def __init__(self, url: str, context: Callable[[], ssl.SSLContext]) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigError(f"pop.broker: expected https://HOST:PORT, not {url!r}")
        self._host, self._port, self._context = parts.hostname, parts.port or 443, context
        self._idle: list[Channel] = []

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body; `Unreachable` or `Lost` without an answer. Never repeats a request."""
        channel = self._kept() or await self._open()
        try:
            status, answer, is_reusable = await _exchange(channel, _request(self._host, method, path, body))
        except h11.ProtocolError as error:
            channel.close()
            raise Lost(f"the broker's answer is not HTTP: {error}") from error
        except BaseException:
            channel.close()
            raise
        if is_reusable and len(self._idle) < MOST_IDLE:
            self._idle.append(channel)
        else:
            channel.close()
        return status, answer

    def close(self) -> None:
        """Close the kept connections."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> Channel | None:
        """Return a connection that the broker has not closed meanwhile."""
        while self._idle:
            channel = self._idle.pop()
            try:
                channel.receive(memoryview(bytearray(1)))
            except EMPTY:
                return channel
            except (OSError, ValueError):
                pass
            channel.close()
        return None

    async def _open(self) -> Channel:
        plain = await connect(self._host, self._port, seconds=DIAL_SECONDS)
        return await start_tls(plain, self._context(), server_name=self._host, seconds=DIAL_SECONDS)


def _request(host: str, method: str, path: str, body: bytes) -> tuple[h11.Event, ...]:
    headers = [("Host", host), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return (h11.Request(method=method, target=path, headers=headers), h11.Data(data=body), h11.EndOfMessage())


async def _exchange(channel: Channel, request: tuple[h11.Event, ...]) -> tuple[int, bytes, bool]:
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=65_536)
    await channel.write(b"".join(http.send(event) or b"" for event in request))
    status, answer = 0, b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await channel.read())
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            answer += event.data
            if len(answer) > MOST_ANSWER_BYTES:
                raise Lost("the broker's answer is too long")
        elif isinstance(event, h11.EndOfMessage):
            return status, answer, http.our_state is h11.DONE and http.their_state is h11.DONE
        else:
            raise Lost("the broker closed before its answer")
