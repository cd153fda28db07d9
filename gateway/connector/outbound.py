"""Out of the customer's network through its proxy: HTTP CONNECT (RFC 9110, 9.3.6), SOCKS5 (RFC 1928, 1929).

Sans-I/O: bytes in, bytes to send out. The host's name goes to the proxy unresolved. Nothing may follow the
proxy's answer before we speak: TLS is ours to begin.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import h11

from gateway.errors import ConfigError, Refused
from gateway.protocol.errors import ProtocolError
from gateway.protocol.socks5 import Socks5Client

DEFAULT_PORTS: Final = {"http": 3128, "socks5": 1080}
MOST_ANSWER: Final = 8192


@dataclass(frozen=True, slots=True)
class Proxy:
    """One outbound proxy; `user` is empty when it wants no credentials."""

    kind: str
    host: str
    port: int
    user: str = ""
    password: str = ""


def parse_proxy(url: str) -> Proxy:
    """Read `http://[user:password@]host[:port]` or `socks5://…`; `ConfigError` says what is wrong."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"proxy: {error}") from error
    kind = "socks5" if parts.scheme == "socks5h" else parts.scheme
    if kind not in DEFAULT_PORTS or not parts.hostname:
        raise ConfigError(f"proxy: expected http://HOST:PORT or socks5://HOST:PORT, not {url!r}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(kind, parts.hostname, port or DEFAULT_PORTS[kind], user, password)


class Tunnel(Protocol):
    """One handshake with a proxy."""

    def begin(self) -> bytes:
        """Return the first bytes to send."""

    def receive(self, data: bytes) -> tuple[bytes, bool]:
        """Take what the proxy sent; return what to send next, and whether the tunnel stands.

        `Refused` carries the proxy's reason.
        """


def tunnel_through(proxy: Proxy, host: str, port: int) -> Tunnel:
    """Return the handshake that leads through `proxy` to `host:port`."""
    if proxy.kind == "http":
        return HttpTunnel(proxy, host, port)
    return SocksTunnel(proxy, host, port)


class HttpTunnel:
    """HTTP CONNECT."""

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_ANSWER)
        self._target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._proxy = proxy

    def begin(self) -> bytes:
        """Return the request."""
        headers = [("Host", self._target)]
        if self._proxy.user:
            pair = base64.b64encode(f"{self._proxy.user}:{self._proxy.password}".encode()).decode()
            headers.append(("Proxy-Authorization", f"Basic {pair}"))
        request = h11.Request(method="CONNECT", target=self._target, headers=headers)
        return self._http.send(request) or b""

    def receive(self, data: bytes) -> tuple[bytes, bool]:
        """Read the answer; interim (1xx) answers are passed over."""
        try:
            self._http.receive_data(data)
            while isinstance(event := self._http.next_event(), h11.InformationalResponse):
                pass
        except h11.RemoteProtocolError as error:
            raise Refused("proxy", f"the proxy does not speak HTTP: {error}") from error
        if not isinstance(event, h11.Response):
            return b"", False
        if not 200 <= event.status_code < 300:
            reason = bytes(event.reason).decode("latin-1")
            raise Refused("proxy", f"the proxy answered {event.status_code} {reason}".rstrip())
        _expect_silence(self._http.trailing_data[0])
        return b"", True


class SocksTunnel:
    """SOCKS5, with a password if the proxy has one."""

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._client = Socks5Client(host, port, proxy.user, proxy.password)

    def begin(self) -> bytes:
        """Return the greeting."""
        return self._client.take()

    def receive(self, data: bytes) -> tuple[bytes, bool]:
        """Read the proxy's answers, in pieces of any size."""
        try:
            is_done = self._client.receive(data)
        except ProtocolError as error:
            raise Refused("proxy", error.text) from error
        if is_done:
            _expect_silence(self._client.rest())
        return self._client.take(), is_done


def _expect_silence(rest: bytes) -> None:
    if rest:
        raise Refused("proxy", "the proxy sent bytes of its own behind its answer")
