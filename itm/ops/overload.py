"""Overload of the edge process: measures how far it is behind, and turns requests away by the rule.

The rule (`shedding.py`) is asked some twenty times a second and its word kept, so that a request costs one
look at a dictionary. Who is turned away gets 503 with Retry-After before its body is read, and is counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiohttp import web

from itm.errors import Refused
from itm.ops.metrics import Registry
from itm.ops.ready import ReadyAnswer
from itm.ops.shedding import Pressure, turned_away
from itm.ops.visitor import CORS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

T = TypeVar("T")

TICK_SECONDS: Final = 0.05
STANDING_TICKS: Final = 4
"""So many timers in a row have to fire late: the least of their lags counts, for a standing queue shows in it
and a single stall does not (after CoDel: Nichols, Jacobson, ACM Queue 2012)."""
RETRY_SECONDS: Final = 5
LONGEST_SECONDS: Final = 10.0
"""For a body to arrive: else whoever sends some hundred of them a byte at a time turns all others away."""


class Overload:
    """`pending_bytes` says what waits in front of the journal."""

    def __init__(self, registry: Registry, pending_bytes: Callable[[], int]) -> None:
        self._pending_bytes = pending_bytes
        self._in_flight = 0
        self._answer = ReadyAnswer(503, {**CORS, "Retry-After": str(RETRY_SECONDS)})
        self._away: dict[str, str] = {}
        self._shed = registry.counter("itm_shed_total", "Requests turned away under overload.")
        self._lags = deque([0.0] * STANDING_TICKS, STANDING_TICKS)
        registry.gauge(
            "itm_edge_lag_seconds", "How late the edge's timers fire.", lambda: [({}, min(self._lags))]
        )

    def guarded(self, kind: str, handler: Handler) -> Handler:
        """Return the handler of one kind of requests (of `shedding.py`), for when there is room."""

        async def handle(request: web.Request) -> web.StreamResponse:
            away = self.refusal(kind, request)
            return away if away is not None else await self.under_way(handler(request))

        return handle

    def refusal(self, kind: str, request: web.Request) -> web.StreamResponse | None:
        """Return the answer to a request that is turned away, and count it; None while there is room."""
        reason = self._away.get(kind)
        if reason is None:
            return None
        self._shed.add(kind=kind, reason=reason)
        return self._answer.for_request(request)

    async def under_way(self, work: Awaitable[T]) -> T:
        """Count the work as in flight until it is done. Raises `Refused` (408) when that takes too long."""
        self._in_flight += 1
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return await work
        except TimeoutError:
            raise Refused(408, f"the body did not come within {LONGEST_SECONDS:g} s") from None
        finally:
            self._in_flight -= 1

    async def watch(self) -> None:
        """Measure and judge until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self.judge(max(loop.time() - due, 0.0))

    def judge(self, lag_seconds: float) -> None:
        """Hear how late a timer fired, and take the word of the rule for the next moment."""
        self._lags.append(lag_seconds)
        self._away = turned_away(Pressure(min(self._lags), self._in_flight, self._pending_bytes()))
