"""A stand-in for the collector: the real script, plans as a test wants them; what browsers send is kept.

A page stands at a site of its own (`1.localhost`, `2.localhost`, …), as with page owners; browsers share
neither connections nor storage between sites.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from itm.dns.listen import Listen
from itm.ops.listen import Door, bound, served
from itm.ops.pages.routes import routes
from tests.e2e.serving import free_ports

CORS: Final = {"Access-Control-Allow-Origin": "*"}

FRAME: Final = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>
<script>
window.steps = [];
window.faults = [];
addEventListener("itm-rum", ({{ detail }}) => steps.push({{ at: performance.now(), ...detail }}));
addEventListener("error", ({{ message }}) => faults.push(message));
addEventListener("unhandledrejection", ({{ reason }}) => faults.push(String(reason)));
{before}
</script>
<script src="http://{server}/rum/v1/rum.js" async {attributes}></script>
<p>Hello.</p>
"""
AT_ONCE: Final = """\
const settle = setTimeout;
window.setTimeout = (task, ms, ...rest) => settle(task, ms === 2000 ? 0 : ms, ...rest);
"""
"""Spares the two seconds after load, which one test looks at."""
EVERY_TIME: Final = 'data-gap-minutes="0"'


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    headers: Mapping[str, str]
    text: str

    @property
    def items(self) -> list[dict[str, Any]]:
        """The measurements of a beacon."""
        found: list[dict[str, Any]] = json.loads(self.text)["measurements"]
        return found


@dataclass
class Collector:
    """`plan` is what the next sessions get; None: 204."""

    port: int
    plan: dict[str, Any] | None = None
    sessions: list[Received] = field(default_factory=list)
    beacons: list[Received] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    _sites: Iterator[int] = field(default_factory=itertools.count)
    _page: str = ""
    _headers: dict[str, str] = field(default_factory=dict)

    def page(
        self, attributes: str = EVERY_TIME, before: str = AT_ONCE, policy: str = "", server: str = ""
    ) -> str:
        """Return the address of a page with the script's tag, at a new site; forget what came in before.

        The script is that of `server`, if one is named.
        """
        for received in (self.sessions, self.beacons, self.looked_up):
            received.clear()
        server = server or f"127.0.0.1:{self.port}"
        self._page = FRAME.format(server=server, attributes=attributes, before=before)
        self._headers = {"Content-Security-Policy": policy} if policy else {}
        return f"http://{next(self._sites)}.localhost:{self.port}/page"

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application()
        app.add_routes(
            [
                *routes(),
                web.get("/page", self._show),
                web.post("/rum/v1/session", self._session),
                web.post("/rum/v1/beacon", self._beacon),
                web.get("/lookup", self._lookup),
                web.get("/broken", self._break),
            ]
        )
        return app

    async def _show(self, request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html", headers=self._headers)

    async def _session(self, request: web.Request) -> web.Response:
        self.sessions.append(Received(request.headers.copy(), await request.text()))
        if self.plan is None:
            return web.Response(status=204, headers=CORS)
        return web.json_response(self.plan, headers=CORS)

    async def _beacon(self, request: web.Request) -> web.Response:
        self.beacons.append(Received(request.headers.copy(), await request.text()))
        return web.Response(status=204, headers=CORS)

    async def _lookup(self, request: web.Request) -> web.Response:
        self.looked_up.append(request.query_string)
        return web.Response(status=204)  # no CORS: the answer is nobody's business

    async def _break(self, request: web.Request) -> web.Response:
        return web.Response(status=503, headers=CORS)


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """Serve in a thread of its own."""
    (port,) = free_ports(1)
    collector, ready = Collector(port), threading.Event()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        with bound([Listen("127.0.0.1", port)], "port") as (socket,):
            async with served(collector.app(), [Door(socket)]):
                ready.set()
                await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield collector
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
