"""HTTP listeners on the operator's addresses, and whether an address is free. Errors name the setting."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Iterable

from aiohttp import web

from itm.dns.listen import Listen
from itm.errors import ConfigError


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
