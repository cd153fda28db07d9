"""Feeds: a body of CSV or NDJSON rows, answered when what was taken is on disk."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from aiohttp import web

from collectors.clienthash import ClientHash
from collectors.feed import rows
from collectors.feed.rows import FeedResult
from collectors.measurement import records
from itm.errors import Refused
from itm.ops.batches import Batches
from itm.ops.context import EDGE, Edge

MAX_BYTES = 64 << 20
"""Of one body; a longer feed is sent in parts."""

MAX_LINES = 1_000_000
"""Of one body: each costs memory while it is read, also one of a single byte that is refused."""

SHOWN = 1000
"""Refused rows named in one answer; the rest is counted."""

LONGEST_NAME = 64

CLIENTS = web.AppKey("clients", ClientHash)
BATCHES = web.AppKey("batches", Batches)


async def receive(request: web.Request) -> web.Response:
    """POST /api/v1/feed[?shift_to_now=1][&batch=NAME]: 200 when the accepted rows are durable.

    400 when no row was accepted. A batch that was taken is not taken again: its answer is the same.
    """
    edge = request.app[EDGE]
    shift, name = _shift(request), _batch(request)
    body = await _read(request)
    fed = request.app[BATCHES].of(name)
    async with fed.turn:
        if fed.answer is None:
            clients = request.app[CLIENTS]
            result = await asyncio.to_thread(_take, edge, clients, body, request.content_type, shift)
            _count(edge, result)
            fed.answer = _told(result)
        if fed.answer["accepted"]:
            await edge.journal.flushed()
    is_of_use = fed.answer["accepted"] or fed.answer["loads"] or not fed.answer["refused"]
    return web.json_response(fed.answer, status=200 if is_of_use else 400)


def _count(edge: Edge, result: FeedResult) -> None:
    for source, count in Counter(m.source for m in result.accepted).items():
        edge.counters.accepted.add(count, source=source)
    for load in result.loads:
        edge.loads.note(load)
        edge.sources.note("load", load.pop, load.time)
    for row in result.refused:
        edge.counters.refused.add(source="feed", reason=row.code)


def _told(result: FeedResult) -> dict[str, Any]:
    return {
        "accepted": len(result.accepted),
        "loads": len(result.loads),
        "refused": len(result.refused),
        "reasons": [{"line": r.line, "code": r.code, "text": r.text} for r in result.refused[:SHOWN]],
        "shifted_seconds": result.shifted_seconds,
    }


async def _read(request: web.Request) -> bytes:
    """Return the body; its limit is its own, not that of the small JSON bodies."""
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > MAX_BYTES:
            raise Refused(413, f"a feed has at most {MAX_BYTES} bytes; send it in parts")
        parts.append(part)
    body = b"".join(parts)
    if body.count(b"\n") > MAX_LINES:
        raise Refused(413, f"a feed has at most {MAX_LINES} lines; send it in parts")
    return body


def _take(edge: Edge, clients: ClientHash, body: bytes, kind: str, shift: bool) -> FeedResult:
    """Parse and append, in a thread: a large feed must not hold beacons up."""
    result = rows.parse(
        body,
        now=edge.clock(),
        window_seconds=edge.config.collect.window_hours * 3600,
        pops=edge.live.now.pop_ids,
        kind=kind,
        shift_to_now=shift,
        client_of=clients.of,
    )
    if result.accepted:
        edge.journal.append(records(result.accepted))
    return result


def _shift(request: web.Request) -> bool:
    given = request.query.get("shift_to_now", "0")
    if given not in {"0", "1"}:
        raise Refused(400, f"shift_to_now: expected 0 or 1, got {given!r}")
    return given == "1"


def _batch(request: web.Request) -> str:
    name = request.query.get("batch", "")
    if len(name) > LONGEST_NAME or not name.isascii():
        raise Refused(400, f"batch: expected at most {LONGEST_NAME} ASCII characters")
    return name
