"""Route maps: which is live, which are kept; going back to one pins it until it is unpinned.

While a pin is set the builder publishes nothing on its own, and the edge keeps the pointer on the
pinned version, so that a build in progress cannot undo the decision of a person.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import Engine

from itm.errors import Refused, SnapshotError
from itm.ops import body
from itm.ops.auth import AUTHOR
from itm.ops.context import EDGE, Edge
from itm.routemap import current, snapshot
from itm.steer.compare import TOP
from itm.steer.kept import difference
from itm.store import pins

DIFF = {"old": body.whole(1), "new": body.whole(1), "top": body.whole(1, 1000)}


async def show(request: web.Request) -> web.Response:
    """GET /api/v1/map: the live version, the pin, the versions kept, and the builder's last report."""
    return web.json_response(await asyncio.to_thread(_show, request.app[EDGE]))


async def roll_back(request: web.Request) -> web.Response:
    """POST /api/v1/map/rollback: pin a kept version and make it live; 409 when its file is damaged."""
    edge = request.app[EDGE]
    wanted = await body.read_object(request, {"version": body.whole(1)}, required=("version",))
    return web.json_response(await asyncio.to_thread(_pin, edge, wanted["version"], request[AUTHOR]))


async def unpin(request: web.Request) -> web.Response:
    """POST /api/v1/map/unpin: back to the newest map; the builder goes on from there."""
    return web.json_response(await asyncio.to_thread(_unpin, request.app[EDGE], request[AUTHOR]))


async def diff(request: web.Request) -> web.Response:
    """GET /api/v1/map/diff?old=&new=&top=: what kept map `new` changed; `old`: the one before."""
    edge = request.app[EDGE]
    given = body.whole_parameters(request, DIFF, required=("new",))
    kept = await asyncio.to_thread(current.versions, edge.maps)
    old = given.get("old") or max((v for v in kept if v < given["new"]), default=0)
    for version in (given["new"], old):
        if version not in kept:
            raise Refused(404, f"no map {version} is kept" if version else "no older map is kept")
    top = given.get("top", TOP)
    return web.json_response(await edge.aside.ask(difference, edge.config, old, given["new"], top))


def hold_pin(engine: Engine, maps: Path) -> int | None:
    """Put the pointer back on the pinned version if it moved; returns that version if it did."""
    pin = pins.get(engine)
    if pin is None or current.live_version(maps) == pin.version:
        return None
    if not current.path_of(maps, pin.version).exists():
        return None
    current.publish(maps, pin.version)
    return pin.version


def _pin(edge: Edge, version: int, author: str) -> dict[str, Any]:
    path = current.path_of(edge.maps, version)
    if not path.exists():
        raise Refused(404, f"no map {version} is kept")
    try:
        snapshot.read(path)
    except SnapshotError as error:
        raise Refused(409, f"map {version} cannot be served: {error}") from error
    pins.set(edge.engine, version, author=author, now=edge.clock())
    current.publish(edge.maps, version)
    return _show(edge)


def _unpin(edge: Edge, author: str) -> dict[str, Any]:
    if pins.get(edge.engine) is not None:
        pins.set(edge.engine, None, author=author, now=edge.clock())
        kept = current.versions(edge.maps)
        if kept:
            current.publish(edge.maps, kept[-1])
    return _show(edge)


def _show(edge: Edge) -> dict[str, Any]:
    pin = pins.get(edge.engine)
    pinned = None if pin is None else {"version": pin.version, "author": pin.author, "at": pin.created_at}
    kept = []
    for version in reversed(current.versions(edge.maps)):
        stat = current.path_of(edge.maps, version).stat()
        kept.append({"version": version, "bytes": stat.st_size, "written_at": stat.st_mtime})
    live = current.live_version(edge.maps)
    return {
        "live": live, "pinned": pinned, "versions": kept, "builder": builder_report(edge.config.state_dir)
    }  # fmt: skip


def builder_report(state: Path) -> dict[str, Any] | None:
    """Return what the builder last wrote about itself; None before its first build."""
    try:
        report: dict[str, Any] = json.loads((state / "builder.json").read_text())
    except (OSError, ValueError):
        return None
    return report
