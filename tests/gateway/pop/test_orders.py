"""How a POP hears what ITM wants of it."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from gateway.pop import orders
from gateway.pop.http import HttpPeer
from gateway.pop.orders import Orders
from tests.gateway.pop.itmserver import POP, fake_itm
from tests.gateway.pop.scene import until


def test_orders_are_heard_at_once_and_hold_while_itm_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`drained` drains, `up` serves, `down` says nothing; without ITM the last word holds."""
    monkeypatch.setattr(orders, "LEAST_SECONDS", 0.01)
    monkeypatch.setattr(orders, "RETRY_SECONDS", 0.01)

    async def body() -> None:
        heard: list[bool] = []
        async with fake_itm() as itm:
            port = itm.port
            peer = HttpPeer(itm.url, ssl.create_default_context, setting="pop.itm")
            task = asyncio.ensure_future(Orders(peer, POP, heard.append).run())
            await until(lambda: heard == [False])
            assert itm.asked[0] == f"/api/v1/pops/{POP}/state?while=&wait=25"
            await until(lambda: itm.asked[-1].endswith("while=up&wait=25"))
            itm.say("drained")
            await until(lambda: heard == [False, True], seconds=1)
            itm.say("down")
            await until(lambda: "while=down" in itm.asked[-1])
            assert heard == [False, True]
        await until(lambda: "itm.state.away" in [r.getMessage() for r in caplog.records])
        assert heard == [False, True]
        async with fake_itm(port):
            await until(lambda: heard == [False, True, False])
        task.cancel()
        peer.close()

    asyncio.run(body())


def test_a_pop_that_itm_does_not_know_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Wrong --itm-pop: the log has ITM's reason, and the POP serves."""
    monkeypatch.setattr(orders, "RETRY_SECONDS", 0.01)

    async def body() -> None:
        heard: list[bool] = []
        async with fake_itm() as itm:
            peer = HttpPeer(itm.url, ssl.create_default_context, setting="pop.itm")
            task = asyncio.ensure_future(Orders(peer, "no such/pop", heard.append).run())
            await until(lambda: len(itm.asked) > 3)
            task.cancel()
            peer.close()
        assert heard == []
        assert itm.asked[0].startswith("/api/v1/pops/no%20such%2Fpop/state")

    asyncio.run(body())
    told = [r.__dict__["reason"] for r in caplog.records if r.getMessage() == "itm.state.away"]
    assert told == ["status 404: no such POP in the live catalog"]
