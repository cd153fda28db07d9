"""Listen addresses as the operator writes them, and HTTP listeners on them.

`127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:80`; an address, not a name, so that what is bound is what is
written. Errors name the setting.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from aiohttp import web

from itm.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Listen:
    """One address and port; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """The socket family of the address."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str, setting: str) -> Listen:
    """Return the address of `text`. Raises `ConfigError` naming `setting`."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
        if not colon or not 0 <= int(port) <= 65535 or (address.version == 6) != (bare != host):
            raise ValueError
    except ValueError:
        raise ConfigError(f"{setting}: expected ADDRESS:PORT (IPv6 in brackets), got {text!r}") from None
    return Listen(str(address), int(port))


def check_free(listen: Listen, setting: str, *, udp: bool = False) -> None:
    """Raise `ConfigError` naming `setting` when the address cannot be bound now.

    UDP sockets are tried without SO_REUSEPORT: with it the kernel would share the port in silence.
    """
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    with socket.socket(listen.family, kind) as probe:
        if not udp:  # connections in TIME_WAIT do not hold a listener up
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
        except OSError as error:
            word = "UDP" if udp else "TCP"
            raise ConfigError(f"{setting}: cannot listen on {word} {listen}: {error.strerror}") from error


@contextlib.asynccontextmanager
async def served(
    app: web.Application, listens: Iterable[Listen], setting: str, *, grace_seconds: float = 2.0
) -> AsyncIterator[tuple[Listen, ...]]:
    """Serve `app` on all addresses inside the block; yields the addresses really bound.

    On leaving, requests in flight get `grace_seconds` to finish.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=grace_seconds)
    await runner.setup()
    try:
        for listen in listens:
            try:
                await web.TCPSite(runner, listen.host, listen.port, backlog=1024).start()
            except OSError as error:
                reason = error.strerror or str(error)
                raise ConfigError(f"{setting}: cannot listen on TCP {listen}: {reason}") from error
        yield tuple(Listen(name[0], name[1]) for name in runner.addresses)
    finally:
        await runner.cleanup()
