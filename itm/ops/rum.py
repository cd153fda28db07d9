"""The public listener: session plans out, beacons in, probe objects out. No cookie, any origin.

A page view asks for its plan (`sessions.py`) and reports with the tokens it got. A beacon is parsed and
answered here, its client's address truncated and hashed on the way; what passed goes to the journal's
buffer. 204: everything was taken; 200 or 400: JSON with the reason for each measurement refused; 503: the
disk is behind, or the process is (`shedding.py`), come back later.
"""

from __future__ import annotations

import ipaddress

from aiohttp import web

from collectors.clienthash import ClientHash
from collectors.measurement import packed
from collectors.network import Network
from collectors.rum import beacon
from collectors.rum.beacon import BeaconResult
from collectors.rum.bots import is_bot
from collectors.rum.origin import Origin
from itm.ops import objects
from itm.ops.context import EDGE, Edge
from itm.ops.errors import errors_as_json
from itm.ops.nel import Reports
from itm.ops.pages.routes import routes as pages
from itm.ops.ready import ReadyAnswer
from itm.ops.reporting import Reporting
from itm.ops.shedding import BEACONS, SESSIONS
from itm.ops.visitor import CORS, client_of, preflight


class Beacons:
    """The beacon endpoint. `origin` finds the client of a request, `clients` hashes its address."""

    def __init__(self, edge: Edge, origin: Origin, clients: ClientHash) -> None:
        self._edge = edge
        self._origin = origin
        self._clients = clients
        self._max_body_bytes = edge.config.public.max_body_bytes
        self._count = edge.counters.accepted.line(source="rum")
        self._taken = ReadyAnswer(204, CORS)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """POST /rum/v1/beacon."""
        edge, content = self._edge, request.content
        away = edge.overload.refusal(BEACONS, request)
        if away is not None:
            return away
        # What came whole with its head is taken without a turn of the event loop.
        is_whole = content.is_eof() and content.total_bytes <= self._max_body_bytes
        body = content.read_nowait() if is_whole else await edge.overload.under_way(request.read())
        if not edge.config.collect.require_tokens and is_bot(request.headers.get("User-Agent", "")):
            result = beacon.refuse_all("bot", "measurements of robots do not count")
        else:
            result = self._parse(edge, client_of(request, self._origin), body)
        if result.accepted:
            edge.journal.append_bytes(packed(result.accepted))
            edge.sessions.register.spend(result.claims, edge.clock())
        self._count(len(result.accepted))
        for refusal in result.refused:
            edge.counters.refused.add(source="rum", reason=refusal.code)
        if not result.refused:
            return self._taken.for_request(request)
        refused = [{"index": r.index, "code": r.code, "text": r.text} for r in result.refused]
        answer = {"accepted": len(result.accepted), "refused": refused}
        return web.json_response(answer, status=200 if result.accepted else 400, headers=CORS)

    async def session(self, request: web.Request) -> web.Response:
        """POST /rum/v1/session."""
        edge = self._edge
        body = await request.read()
        network = Network.of_address(client_of(request, self._origin))
        user_agent = request.headers.get("User-Agent", "")
        answer = edge.sessions.plan(body, network, edge.live.now, user_agent)
        answer.headers.update(CORS)
        return answer

    def _parse(
        self, edge: Edge, address: ipaddress.IPv4Address | ipaddress.IPv6Address, body: bytes
    ) -> BeaconResult:
        return beacon.parse(
            body,
            network=Network.of_address(address),
            client=self._clients.of(address),
            now=edge.clock(),
            pops=edge.live.now.pop_ids,
            tokens=edge.sessions.register if edge.config.collect.require_tokens else None,
        )


def build(edge: Edge, origin: Origin, clients: ClientHash) -> web.Application:
    """Return the public application."""
    app = web.Application(
        middlewares=[errors_as_json(CORS)], client_max_size=edge.config.public.max_body_bytes
    )
    app[EDGE] = edge
    beacons = Beacons(edge, origin, clients)
    reports = Reports(edge, origin, clients)
    room = edge.overload.guarded
    app.add_routes(
        [
            web.post("/rum/v1/beacon", beacons.receive),
            web.options("/rum/v1/beacon", preflight),
            web.post("/rum/v1/session", room(SESSIONS, beacons.session)),
            web.options("/rum/v1/session", preflight),
            web.post("/rum/v1/nel", room(BEACONS, reports.receive)),
            web.options("/rum/v1/nel", preflight),
            *objects.routes(),
            *pages(),
            *Reporting(origin).routes(),
        ]
    )
    return app
