"""POPs: what state each one is in and why; forcing a state, and clearing that."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import web

from collectors.probe.plan import ProbePlan
from collectors.probe.standing import Standing, View, is_fresh
from itm.errors import Refused
from itm.ops import body
from itm.ops.auth import AUTHOR
from itm.ops.context import EDGE, Edge
from itm.ops.health import PopEntry
from itm.store import overrides
from itm.store.overrides import Override

LONGEST_SECONDS = 366 * 86_400.0
LONGEST_WAIT_SECONDS = 60.0

OVERRIDE = {
    "state": body.one_of(overrides.STATES),
    "for_seconds": body.number(1, LONGEST_SECONDS),
    "reason": body.text(500),
}


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/pops: every POP of the live catalog."""
    edge = request.app[EDGE]
    shown = [_shown(edge, pop) for pop in edge.board.entries()]
    answer = {"catalog_version": edge.live.now.number, "fail_open": edge.board.fail_open, "pops": shown}
    return web.json_response(answer)


async def state(request: web.Request) -> web.Response:
    """GET /api/v1/pops/{pop}/state[?while=STATE&wait=SECONDS]: answers once the state is another one."""
    edge, pop = request.app[EDGE], request.match_info["pop"]
    known, seconds = request.query.get("while", ""), _wait(request)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while _state(edge, pop)["state"] == known and await edge.board.news.wait():
                pass
    return web.json_response(_state(edge, pop), headers={"Cache-Control": "no-store"})


def _wait(request: web.Request) -> float:
    given = request.query.get("wait", "0")
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise Refused(400, f"wait: expected 0 to {LONGEST_WAIT_SECONDS:g} seconds, got {given!r}")
    return seconds


def _state(edge: Edge, pop: str) -> dict[str, Any]:
    entry = edge.board.entries().get(pop)
    if entry is None:
        raise Refused(404, f"no POP {pop!r} in the live catalog")
    health = entry.health
    return {
        "pop": pop,
        "state": health.state.name.lower(),
        "forced": health.forced,
        "reason": health.reason,
        "since": entry.since,
    }


async def force(request: web.Request) -> web.Response:
    """POST /api/v1/pops/{pop}/override: force a state; in the health table before this answers."""
    edge, pop = request.app[EDGE], request.match_info["pop"]
    if pop not in edge.live.now.pop_ids:
        raise Refused(404, f"no POP {pop!r} in the live catalog")
    wanted = await body.read_object(request, OVERRIDE, required=("state",))
    now, lasting = edge.clock(), wanted.get("for_seconds")
    override = Override(
        pop=pop,
        state=wanted["state"],
        author=request[AUTHOR],
        created_at=now,
        expires_at=None if lasting is None else now + lasting,
        reason=wanted.get("reason", ""),
    )
    await asyncio.to_thread(overrides.put, edge.engine, override)
    await edge.overrides.reload()
    return web.json_response(_shown(edge, pop))


async def clear(request: web.Request) -> web.Response:
    """DELETE /api/v1/pops/{pop}/override: back to what is measured; also for a POP that left the catalog."""
    edge, pop = request.app[EDGE], request.match_info["pop"]
    cleared = await asyncio.to_thread(
        overrides.clear, edge.engine, pop, author=request[AUTHOR], now=edge.clock()
    )
    if not cleared and pop not in edge.live.now.pop_ids:
        raise Refused(404, f"no POP {pop!r} in the live catalog, and no override of it")
    await edge.overrides.reload()
    shown = _shown(edge, pop) if pop in edge.board.entries() else {"id": pop}
    return web.json_response({**shown, "cleared": cleared})


def _shown(edge: Edge, pop_id: str) -> dict[str, Any]:
    pop, entry = edge.live.now.catalog.pop(pop_id), edge.board.entries()[pop_id]
    return {
        "id": pop.id,
        "provider": pop.provider,
        "city": pop.city,
        "country": pop.country,
        "lat": pop.lat,
        "lon": pop.lon,
        "ipv4": list(pop.ipv4),
        "ipv6": list(pop.ipv6),
        "tags": list(pop.tags),
        **_state(edge, pop_id),
        "load": load_of(edge, pop_id),
        "checks": [
            _check(address, standing, entry.plan, edge.clock())
            for address, standing in entry.standings.items()
            if entry.plan is not None
        ],
        "override": _override(entry),
    }


def load_of(edge: Edge, pop: str) -> dict[str, Any] | None:
    """Return how full a POP is; None when nobody has said so lately."""
    load = edge.loads.of(pop, edge.clock())
    if load is None:
        return None
    return {
        "sessions": load.sessions,
        "capacity": load.capacity,
        "share": round(load.share, 4),
        "hosts": load.hosts,
        "age_seconds": round(load.age_seconds, 1),
    }


def _check(address: str, standing: Standing, plan: ProbePlan, now: float) -> dict[str, Any]:
    regions = standing.quorum.regions
    return {
        "address": address,
        "passes": standing.up,
        "since": standing.since,
        "decided": standing.quorum.is_decided,
        "awaited": list(standing.quorum.awaited),
        "regions": [{"region": r.name, "up": r.up, "down": r.down} for r in regions],
        "agents": [_view(view, is_fresh(view, plan, now), now) for view in standing.views],
    }


def _view(view: View, fresh: bool, now: float) -> dict[str, Any]:
    verdict = view.verdict
    return {
        "agent": view.agent,
        "region": view.region,
        "passes": verdict.up,
        "votes": fresh,
        "since": verdict.since,
        "age_seconds": round(now - view.seen_at, 1),
        "checks": verdict.checks,
        "elapsed_ms": round(verdict.elapsed_ms, 2),
        "detail": verdict.detail,
        "notice": verdict.notice,
        "certificate_days": None if verdict.days_left is None else round(verdict.days_left, 1),
    }


def _override(entry: PopEntry) -> dict[str, Any] | None:
    if entry.override is None or not entry.health.forced:
        return None
    o = entry.override
    return {
        "state": o.state.name.lower(),
        "reason": o.reason,
        "author": o.author,
        "expires_at": o.expires_at,
    }
