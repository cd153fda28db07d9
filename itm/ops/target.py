"""The probe target: what a POP serves to probes and browsers, on any number of addresses.

The demo runs one process of it for the addresses of all its POPs; a real POP may run it beside its
gateway. Knows no catalog, no journal, no API.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiohttp import web

from itm.dns.listen import Listen
from itm.ops import objects
from itm.ops.https import Https
from itm.ops.listen import Door, bound, served
from itm.stopping import stop_requested

log = logging.getLogger(__name__)


def build(headers: Sequence[tuple[str, str]] = ()) -> web.Application:
    """Return the application: /healthz and the probe objects; `headers` are set on every response."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001 - a signal's shape
        response.headers.update(headers)

    app = web.Application()
    app.on_response_prepare.append(add)
    app.add_routes(objects.routes())
    return app


def run(
    listens: Sequence[Listen],
    setting: str = "--listen",
    *,
    secure: Https | None = None,
    headers: Sequence[tuple[str, str]] = (),
    supervised: bool = False,
) -> None:
    """Serve until asked to stop, over TLS if `secure` is given, with `headers` on every response.

    Raises `ConfigError` naming `setting` for an address that is taken.
    """
    asyncio.run(_serve(build(headers), listens, setting, secure, supervised))


async def _serve(
    app: web.Application, listens: Sequence[Listen], setting: str, secure: Https | None, supervised: bool
) -> None:
    with bound(listens, setting) as sockets:
        doors = [Door(sock, secure) for sock in sockets]
        async with served(app, doors), asyncio.TaskGroup() as group:
            watching = [group.create_task(secure.watch())] if secure else []
            log.info(
                "target.ready", extra={"listeners": len(doors), "first": doors[0].address if doors else ""}
            )
            await stop_requested(supervised=supervised)
            for task in watching:
                task.cancel()
