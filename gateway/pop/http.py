"""HTTP to one server (a broker, ITM) on connections that are kept: request in, status and body out.

h11 over our channel. `https://`, or `http://` to a loopback address: what travels may be a secret.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import h11

from gateway.channel import EMPTY, Channel
from gateway.dial import connect, start_tls
from gateway.errors import ConfigError, GatewayError, Lost, Unreachable

MOST_ANSWER_BYTES: Final = 1 << 20
MOST_IDLE: Final = 8
"""Connections kept."""
DIAL_SECONDS: Final = 5.0
FETCH_SECONDS: Final = 5.0
PORTS: Final = {"https": 443, "http": 80}
JSON: Final = "application/json"

Headers = Sequence[tuple[str, str]]


class HttpPeer:
    """One server; `context` gives the current TLS client context, `headers` what every request carries.

    `setting` is the name of the setting that holds the URL: `ConfigError` names it.
    """

    def __init__(
        self,
        url: str,
        context: Callable[[], ssl.SSLContext],
        *,
        setting: str,
        headers: Callable[[], Headers] = tuple,
    ) -> None:
        parts = urlsplit(url)
        is_plain_far = parts.scheme == "http" and not _is_loopback(parts.hostname or "")
        if parts.scheme not in PORTS or not parts.hostname or is_plain_far:
            raise ConfigError(f"{setting}: expected https://HOST:PORT (http:// to loopback), not {url!r}")
        self._host, self._port = parts.hostname, parts.port or PORTS[parts.scheme]
        self._is_secure, self._context, self._headers = parts.scheme == "https", context, headers
        self._idle: list[Channel] = []

    async def request(
        self, method: str, path: str, body: bytes = b"", *, kind: str = JSON
    ) -> tuple[int, bytes]:
        """Return status and body; without an answer `Unreachable` (nothing was sent) or `Lost`.

        Never repeats a request.
        """
        request = _request(self._host, method, path, body, kind, self._headers())
        channel = self._kept() or await self._open()
        try:
            status, answer, is_reusable = await _exchange(channel, request)
        except h11.ProtocolError as error:
            channel.close()
            raise Lost(f"the answer of {self._host} is not HTTP: {error}") from error
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
        """Return a connection that the server has not closed meanwhile."""
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
        if not self._is_secure:
            return plain
        try:
            return await start_tls(plain, self._context(), server_name=self._host, seconds=DIAL_SECONDS)
        except Lost as error:
            raise Unreachable(f"{self._host}:{self._port}: {error}") from error


async def fetch(peers: Sequence[HttpPeer], path: str, take: Callable[[bytes], bool]) -> bool:
    """GET the path of one peer after the other until `take` accepts a body; False when none had one."""
    for peer in peers:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                status, body = await peer.request("GET", path)
        except (GatewayError, TimeoutError):
            continue
        if status == 200 and take(body):
            return True
    return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _request(
    host: str, method: str, path: str, body: bytes, kind: str, more: Headers
) -> tuple[h11.Event, ...]:
    headers = [("Host", host), ("Content-Type", kind), ("Content-Length", str(len(body))), *more]
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
                raise Lost("the answer is too long")
        elif isinstance(event, h11.EndOfMessage):
            return status, answer, http.our_state is h11.DONE and http.their_state is h11.DONE
        else:
            raise Lost("the server closed before its answer")
