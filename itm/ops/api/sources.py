"""Sources: what each was last heard of, POP by POP, and what becomes of data that are old."""

from __future__ import annotations

from aiohttp import web

from collectors.gather import KEEP_HALF_LIVES
from itm.ops.context import EDGE, Edge


async def listing(request: web.Request) -> web.Response:
    """GET /api/v1/sources: the rule of each source, and its newest datum of each POP of the live catalog."""
    edge = request.app[EDGE]
    heard = [
        {
            "source": one.source,
            "pop": one.pop,
            "newest": one.newest,
            "age_seconds": round(one.age_seconds, 1),
            "stale": one.is_stale,
        }
        for one in edge.sources.heard(edge.live.now.pop_ids)
    ]
    rules = [
        {"source": source, "stale_after_seconds": seconds, "then": _then(edge, source, seconds)}
        for source, seconds in edge.sources.rules.items()
    ]
    return web.json_response({"rules": rules, "sources": heard})


def _then(edge: Edge, source: str, seconds: float) -> str:
    """Say what old data of a source are worth."""
    if source == "load":
        return f"not known: no load is shown or counted after {seconds:g} s"
    if source == "probe":
        return "the last state holds until the next check"
    hours = edge.config.collect.half_life_hours
    return f"fades: half its weight after {hours:g} h, forgotten after {KEEP_HALF_LIVES * hours:g} h"
