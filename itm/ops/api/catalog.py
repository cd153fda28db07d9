"""Catalog versions: list, read, ask for a new one, ask for an old one again.

A new version is checked here, with all its errors, and then waits for the builder, which makes it
live or refuses it by its Plan; a client polls the version until it is no longer pending.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from itm.catalog.load import load_bundle
from itm.dns import zone
from itm.errors import Refused
from itm.ops import body
from itm.ops.api import canary
from itm.ops.auth import AUTHOR
from itm.ops.context import EDGE, Edge
from itm.store import catalogs, plans
from itm.store.catalogs import CatalogVersion

HOW = {
    "force": body.truth,
    "message": body.text(500),
    "canary": canary.share,
    "canary_seed": body.whole(0, 2**31 - 1),
}
WANTED = {"files": body.files, **HOW}
BACK = {"version": body.whole(1), **HOW}


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/catalog/versions: the newest fifty, newest first."""
    found = await asyncio.to_thread(catalogs.history, request.app[EDGE].engine)
    return web.json_response({"versions": [_summary(version) for version in found]})


async def one(request: web.Request) -> web.Response:
    """GET /api/v1/catalog/versions/{version}: a number or `live`; with its files and its Plan."""
    found = await _find(request.app[EDGE], request.match_info["version"])
    plan = json.loads(found.plan_json) if found.plan_json else None
    return web.json_response({**_summary(found), "files": dict(found.files), "plan": plan})


async def apply(request: web.Request) -> web.Response:
    """POST /api/v1/catalog: 202 with the version that now waits for its Plan; 422 with every reason."""
    wanted = await body.read_object(request, WANTED, required=("files",))
    await asyncio.to_thread(load_bundle, wanted["files"], zone.faults)
    return await _add(request, wanted["files"], wanted)


async def roll_back(request: web.Request) -> web.Response:
    """POST /api/v1/catalog/rollback: 202 with a new version that has an old one's files."""
    wanted = await body.read_object(request, BACK, required=("version",))
    old = await _find(request.app[EDGE], str(wanted["version"]))
    return await _add(request, old.files, {"message": f"back to version {old.version}", **wanted})


async def plan(request: web.Request) -> web.Response:
    """POST /api/v1/catalog/plans: 202 with a number under which the builder answers; nothing goes live."""
    wanted = await body.read_object(request, {"files": body.files}, required=("files",))
    edge = request.app[EDGE]
    await asyncio.to_thread(load_bundle, wanted["files"], zone.faults)
    number = await asyncio.to_thread(
        plans.ask, edge.engine, wanted["files"], author=request[AUTHOR], now=edge.clock()
    )
    return web.json_response({"plan": number}, status=202)


async def planned(request: web.Request) -> web.Response:
    """GET /api/v1/catalog/plans/{plan}: the whole Plan once it is answered, or why there is none."""
    word = request.match_info["plan"]
    number = int(word) if word.isdecimal() and len(word) <= 9 else 0
    found = await asyncio.to_thread(plans.get, request.app[EDGE].engine, number)
    if found is None:
        raise Refused(404, f"no plan {word} is kept")
    told = {name: getattr(found, name) for name in ("created_at", "author", "answered_at", "reason")}
    return web.json_response({"plan": found.id, **told, **(found.answer or {})})


async def _add(request: web.Request, files: Mapping[str, str], wanted: Mapping[str, Any]) -> web.Response:
    edge = request.app[EDGE]
    share = edge.config.canary.share if wanted.get("canary") is True else wanted.get("canary")
    version = await asyncio.to_thread(
        catalogs.add_pending,
        edge.engine,
        files,
        author=request[AUTHOR],
        now=edge.clock(),
        message=wanted.get("message", ""),
        forced=wanted.get("force", False),
        canary_share=share,
        canary_seed=wanted.get("canary_seed"),
    )
    return web.json_response({"version": version, "status": "pending"}, status=202)


async def _find(edge: Edge, word: str) -> CatalogVersion:
    if word == "live":
        found = await asyncio.to_thread(catalogs.live, edge.engine)
    elif word.isdecimal() and len(word) <= 9:
        found = await asyncio.to_thread(catalogs.get, edge.engine, int(word))
    else:
        raise Refused(400, f"expected a version number or `live`, got {word!r}")
    if found is None:
        raise Refused(404, "no catalog version is live" if word == "live" else f"no catalog version {word}")
    return found


def _summary(version: CatalogVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "created_at": version.created_at,
        "author": version.author,
        "message": version.message,
        "status": version.status,
        "forced": version.forced,
        "canary_share": version.canary_share,
        "settled_at": version.settled_at,
        "reason": version.reason,
    }
