"""Feeds: a body of CSV or NDJSON rows, answered when what was taken is on disk."""

from __future__ import annotations

import asyncio
from collections import Counter

from aiohttp import web

from collectors.clienthash import ClientHash
from collectors.feed import rows
from collectors.feed.rows import FeedResult
from collectors.measurement import records
from itm.errors import Refused
from itm.ops.context import EDGE, Edge

MAX_BYTES = 64 << 20
"""Of one body, about a million rows; a longer feed is sent in parts."""

SHOWN = 1000
"""Refused rows named in one answer; the rest is counted."""

CLIENTS = web.AppKey("clients", ClientHash)


async def receive(request: web.Request) -> web.Response:
    """POST /api/v1/feed[?shift_to_now=1]: 200 when the accepted rows are durable, 400 when there is none."""
    edge = request.app[EDGE]
    shift = _shift(request)
    body = await _read(request)
    result = await asyncio.to_thread(_take, edge, request.app[CLIENTS], body, shift)
    for source, count in Counter(m.source for m in result.accepted).items():
        edge.counters.accepted.add(count, source=source)
    for load in result.loads:
        edge.loads.note(load)
    for row in result.refused:
        edge.counters.refused.add(source="feed", reason=row.code)
    answer = {
        "accepted": len(result.accepted),
        "loads": len(result.loads),
        "refused": len(result.refused),
        "reasons": [{"line": r.line, "code": r.code, "text": r.text} for r in result.refused[:SHOWN]],
        "shifted_seconds": result.shifted_seconds,
    }
    is_of_use = result.accepted or result.loads or not result.refused
    return web.json_response(answer, status=200 if is_of_use else 400)


async def _read(request: web.Request) -> bytes:
    """Return the body; its limit is its own, not that of the small JSON bodies."""
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > MAX_BYTES:
            raise Refused(413, f"a feed has at most {MAX_BYTES} bytes; send it in parts")
        parts.append(part)
    return b"".join(parts)


def _take(edge: Edge, clients: ClientHash, body: bytes, shift: bool) -> FeedResult:
    """Parse, append and flush, in a thread: a large feed must not hold beacons up."""
    result = rows.parse(
        body,
        now=edge.clock(),
        window_seconds=edge.config.collect.window_hours * 3600,
        pops=edge.live.now.pop_ids,
        shift_to_now=shift,
        client_of=clients.of,
    )
    if result.accepted:
        edge.journal.append(records(result.accepted))
        edge.journal.flush()
    return result


def _shift(request: web.Request) -> bool:
    given = request.query.get("shift_to_now", "0")
    if given not in {"0", "1"}:
        raise Refused(400, f"shift_to_now: expected 0 or 1, got {given!r}")
    return given == "1"
