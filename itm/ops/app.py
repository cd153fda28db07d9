"""The ops listener: every route in one table, with the scope it takes to change something.

A route without a scope only reads. Errors are JSON (`errors`), tokens are `auth`'s business, and what
a handler does stands in the file of its noun under `api`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from aiohttp import web

from collectors.clienthash import ClientHash
from itm.ops.api import (
    agents,
    alarms,
    canary,
    catalog,
    demand,
    feed,
    maps,
    models,
    pops,
    sources,
    system,
    tokens,
    why,
    zones,
)
from itm.ops.auth import guarded
from itm.ops.batches import Batches
from itm.ops.context import EDGE, Edge
from itm.ops.errors import Handler, errors_as_json

MAX_BODY_BYTES: Final = 16 << 20
"""Of a JSON body: a catalog with its zones is by far the largest. Feeds have their own limit."""


class Route(NamedTuple):
    """One row of the table; `scope` None: open."""

    method: str
    path: str
    handler: Handler
    scope: str | None = None


ROUTES: Final = (
    Route("GET", "/healthz", system.healthz),
    Route("GET", "/readyz", system.readyz),
    Route("GET", "/metrics", system.show_metrics),
    Route("GET", "/api/v1/pops", pops.listing),
    Route("GET", "/api/v1/pops/{pop}/state", pops.state),
    Route("POST", "/api/v1/pops/{pop}/override", pops.force, "operate"),
    Route("DELETE", "/api/v1/pops/{pop}/override", pops.clear, "operate"),
    Route("GET", "/api/v1/catalog/versions", catalog.listing),
    Route("GET", "/api/v1/catalog/versions/{version}", catalog.one),
    Route("POST", "/api/v1/catalog", catalog.apply, "catalog"),
    Route("POST", "/api/v1/catalog/rollback", catalog.roll_back, "catalog"),
    Route("GET", "/api/v1/catalog/canary", canary.show),
    Route("POST", "/api/v1/catalog/canary/promote", canary.promote, "catalog"),
    Route("POST", "/api/v1/catalog/canary/abort", canary.abort, "catalog"),
    Route("POST", "/api/v1/catalog/plans", catalog.plan, "catalog"),
    Route("GET", "/api/v1/catalog/plans/{plan}", catalog.planned),
    Route("GET", "/api/v1/map", maps.show),
    Route("GET", "/api/v1/map/diff", maps.diff),
    Route("GET", "/api/v1/alarms", alarms.listing),
    Route("POST", "/api/v1/map/rollback", maps.roll_back, "operate"),
    Route("POST", "/api/v1/map/unpin", maps.unpin, "operate"),
    Route("GET", "/api/v1/zones", zones.listing),
    Route("GET", "/api/v1/zones/{zone}/export", zones.export_text),
    Route("GET", "/api/v1/zones/{zone}/keys", zones.keys),
    Route("POST", "/api/v1/zones/{zone}/keys/roll", zones.roll, "catalog"),
    Route("POST", "/api/v1/zones/{zone}/keys/{key}/ds-seen", zones.ds_seen, "catalog"),
    Route("GET", "/api/v1/sources", sources.listing),
    Route("GET", "/api/v1/demand", demand.show),
    Route("GET", "/api/v1/model/drift", models.drift),
    Route("GET", "/api/v1/why", why.why),
    Route("POST", "/api/v1/feed", feed.receive, "feed"),
    Route("GET", "/api/v1/probe/agents", agents.listing),
    Route("POST", "/api/v1/probe/agents", agents.invite, "admin"),
    Route("DELETE", "/api/v1/probe/agents/{name}", agents.revoke, "admin"),
    Route("GET", "/api/v1/tokens", tokens.listing, "admin"),
    Route("POST", "/api/v1/tokens", tokens.create, "admin"),
    Route("DELETE", "/api/v1/tokens/{name}", tokens.revoke, "admin"),
)


def build(edge: Edge, clients: ClientHash) -> web.Application:
    """Return the ops application."""
    app = web.Application(middlewares=[errors_as_json()], client_max_size=MAX_BODY_BYTES)
    app[EDGE] = edge
    app[feed.CLIENTS] = clients
    app[feed.BATCHES] = Batches()
    app.on_shutdown.append(_let_go)
    for route in ROUTES:
        handler = route.handler if route.scope is None else guarded(route.handler, route.scope)
        app.router.add_route(route.method, route.path, handler)
    return app


async def _let_go(app: web.Application) -> None:
    """Answer those who wait for a change, before the server waits for them."""
    app[EDGE].board.news.end()
