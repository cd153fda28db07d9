"""HTTP listeners on the operator's addresses, and whether an address is free. Errors name the setting.

Binding stands apart from serving: a low port is bound while root may still be used, and served without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from itm.dns.listen import Listen
from itm.errors import ConfigError
from itm.ops.https import Https

BACKLOG: Final = 1024


@dataclass(frozen=True, slots=True)
class Door:
    """A bound socket, and the TLS of those who come in by it; None: plain HTTP."""

    socket: socket.socket
    secure: Https | None = None

    @property
    def address(self) -> Listen:
        """The address really bound."""
        host, port = self.socket.getsockname()[:2]
        return Listen(host, port)


def check_free(listen: Listen, setting: str, *, udp: bool = False) -> None:
    """Raise `ConfigError` naming `setting` when the address cannot be bound now.

    UDP sockets are tried without SO_REUSEPORT: with it the kernel would share the port in silence.
    """
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    with _bound(listen, setting, kind):
        pass


@contextlib.contextmanager
def bound(listens: Iterable[Listen], setting: str) -> Iterator[tuple[socket.socket, ...]]:
    """Hold TCP sockets on all addresses inside the block, not listening yet.

    Raises `ConfigError` naming `setting`.
    """
    with contextlib.ExitStack() as held:
        yield tuple(held.enter_context(_bound(listen, setting, socket.SOCK_STREAM)) for listen in listens)


def _bound(listen: Listen, setting: str, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(listen.family, kind)
    if kind is socket.SOCK_STREAM:  # connections in TIME_WAIT do not hold a listener up
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listen.family is socket.AF_INET6:  # each family has its own address
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        made.bind((listen.host, listen.port))
    except OSError as error:
        made.close()
        word = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
        raise ConfigError(f"{setting}: cannot listen on {word} {listen}: {error.strerror}") from error
    return made


@contextlib.asynccontextmanager
async def served(
    app: web.Application,
    doors: Iterable[Door],
    *,
    grace_seconds: float = 2.0,
    malformed: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """Serve `app` at all doors inside the block; their sockets are closed after it.

    On leaving, requests in flight get `grace_seconds` to finish. `malformed` is called for each request that
    was no HTTP, head or body, which is answered 400. Raises `OSError`.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=grace_seconds,
        logger=_Told(malformed),
    )
    await runner.setup()
    server = cast("web.Server", runner.server)  # there is one since `setup`
    try:
        async with contextlib.AsyncExitStack() as listening:
            for door in doors:
                if door.secure is None:
                    await web.SockSite(runner, door.socket, backlog=BACKLOG).start()
                else:
                    await listening.enter_async_context(_secured(door.secure, door.socket, server))
            yield
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _secured(secure: Https, sock: socket.socket, server: web.Server) -> AsyncIterator[None]:
    """Take connections over TLS inside the block; those that stand are left to the server."""
    loop = asyncio.get_running_loop()
    taking = await loop.create_server(lambda: secure.guest(server), sock=sock, backlog=BACKLOG)
    try:
        yield
    finally:
        taking.close()


class _Told(logging.LoggerAdapter[logging.Logger]):
    """The HTTP server's log, without what is no HTTP: that is a stranger's fault, and counted."""

    def __init__(self, malformed: Callable[[], None]) -> None:
        super().__init__(logging.getLogger("aiohttp.server"), {})
        self._malformed = malformed

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a line, or count it; of the level that it is told at no matter."""
        if isinstance(kwargs.get("exc_info"), HttpProcessingError | web.RequestPayloadError):
            self._malformed()
        else:
            super().log(level, msg, *args, **kwargs)
