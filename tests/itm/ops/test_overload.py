from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from itm.errors import Refused
from itm.ops import overload as module
from itm.ops.metrics import Registry
from itm.ops.overload import STANDING_TICKS, Overload
from itm.ops.shedding import BEACONS, LIMITS, SESSIONS

REQUEST = make_mocked_request("POST", "/")


async def fine(_: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


def test_who_is_turned_away_is_told_and_counted() -> None:
    """503 for beacons while sessions still go, once the loop stays behind; a stall is no overload."""

    async def scenario() -> None:
        registry = Registry()
        overload = Overload(registry, lambda: 0)
        beacon, session = overload.guarded(BEACONS, fine), overload.guarded(SESSIONS, fine)
        assert (await beacon(REQUEST)).status == 204
        for _ in range(STANDING_TICKS):
            assert (await beacon(REQUEST)).status == 204
            overload.judge(lag_seconds=0.3)
        assert (await beacon(REQUEST)).status == 503
        assert (await session(REQUEST)).status == 204
        overload.judge(lag_seconds=0.0)
        assert (await beacon(REQUEST)).status == 204
        assert 'itm_shed_total{kind="beacons",reason="lag"} 1' in registry.render()

    asyncio.run(scenario())


def test_what_is_under_way_counts_until_it_is_answered() -> None:
    """Slow bodies fill the room; those that fail leave it, too."""

    async def scenario() -> None:
        overload, gate = Overload(Registry(), lambda: 0), asyncio.Event()

        async def slow(_: web.Request) -> web.StreamResponse:
            await gate.wait()
            raise web.HTTPBadRequest

        handler = overload.guarded(BEACONS, slow)
        waiting = [asyncio.ensure_future(handler(REQUEST)) for _ in range(LIMITS[BEACONS].in_flight)]
        await asyncio.sleep(0)
        overload.judge(0.0)
        assert (await handler(REQUEST)).status == 503
        gate.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        overload.judge(0.0)
        assert (await overload.guarded(BEACONS, fine)(REQUEST)).status == 204

    asyncio.run(scenario())


def test_who_is_turned_away_leaves_nothing_behind() -> None:
    """However many they are, memory stays flat."""

    async def scenario() -> None:
        overload = Overload(Registry(), lambda: 1 << 30)
        overload.judge(0.0)
        handler = overload.guarded(BEACONS, fine)
        await asyncio.gather(*(handler(REQUEST) for _ in range(100)))
        tracemalloc.start()
        try:
            for _ in range(50):
                await asyncio.gather(*(handler(REQUEST) for _ in range(100)))
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 200_000

    asyncio.run(scenario())


def test_a_disk_that_falls_behind_is_noticed_before_the_journal_refuses() -> None:
    """By what waits for it."""

    async def scenario() -> None:
        overload = Overload(Registry(), lambda: 40 << 20)
        overload.judge(0.0)
        assert (await overload.guarded(BEACONS, fine)(REQUEST)).status == 503

    asyncio.run(scenario())


def test_the_loop_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again, how late its timer fired."""
    monkeypatch.setattr(module, "TICK_SECONDS", 0.0)

    async def scenario() -> None:
        lags: list[float] = []
        overload = Overload(Registry(), lambda: 0)
        monkeypatch.setattr(overload, "judge", lags.append)
        watching = asyncio.ensure_future(overload.watch())
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(lags) > 2
        assert min(lags) >= 0
        watching.cancel()

    asyncio.run(scenario())


def test_a_body_that_does_not_come_leaves_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hundred bodies that never end would else turn all others away for as long as they like."""
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.001)

    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def scenario() -> None:
        overload = Overload(Registry(), lambda: 0)
        slow = [overload.guarded(BEACONS, never)(REQUEST) for _ in range(LIMITS[BEACONS].in_flight)]
        for told in await asyncio.gather(*slow, return_exceptions=True):
            assert isinstance(told, Refused)
            assert told.status == 408
        overload.judge(0.0)
        assert (await overload.guarded(BEACONS, fine)(REQUEST)).status == 204

    asyncio.run(scenario())
