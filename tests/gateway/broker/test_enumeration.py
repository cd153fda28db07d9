from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.broker import enumeration
from gateway.broker.controller import Controllers
from gateway.broker.enumeration import Enumeration
from gateway.broker.nfuse import User
from gateway.errors import Refused, Unreachable
from tests.gateway.broker.farm import Published, serving
from tests.gateway.broker.straight import Straight
from tests.gateway.broker.test_controller import HERE, farm, site_at
from tests.gateway.broker.world import Clock


def test_asked_once_a_minute_per_user() -> None:
    """Another user, a changed site and a minute later ask again; what changed meanwhile is then seen."""

    async def story() -> None:
        with serving(farm()) as served:
            site, clock = site_at(served.port), Clock()
            kept = Enumeration(Controllers(Straight().reach), clock)
            for _ in range(3):
                assert [each.name for each in await kept.of_user(site, HERE, User("ann", "CORP"))] == [
                    "Notepad"
                ]
            assert len(served.asked) == 1
            assert await kept.of_user(site, HERE, User("bob", "CORP")) == ()
            served.published.append(Published("Paint", "10.0.0.5:1494"))
            assert len(await kept.of_user(site, HERE, User("ann", "CORP"))) == 1
            with pytest.raises(Refused, match="bad-credentials"):
                await kept.of_user(replace(site, domain="OTHER"), HERE, User("ann", "OTHER"))
            clock.now += enumeration.KEEP_SECONDS
            assert len(await kept.of_user(site, HERE, User("ann", "CORP"))) == 2

    asyncio.run(story())


def test_a_dead_controller_costs_one_wait() -> None:
    """Its fault is remembered for some seconds, then it is asked again."""

    async def story() -> None:
        clock, straight = Clock(), Straight("connector_none")
        kept = Enumeration(Controllers(straight.reach), clock)
        for _ in range(3):
            with pytest.raises(Unreachable, match="connector_none"):
                await kept.of_user(site_at(80), HERE, User("ann", "CORP"))
        assert len(straight.opened) == 1
        with serving(farm()) as served:
            straight.code = ""
            clock.now += enumeration.KEEP_FAULT_SECONDS
            assert len(await kept.of_user(site_at(served.port), HERE, User("ann", "CORP"))) == 1

    asyncio.run(story())


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers that are oldest go first."""
    monkeypatch.setattr(enumeration, "MOST_KEPT", 5)

    async def story() -> None:
        with serving(farm()) as served:
            served.published = [Published("Notepad", "10.0.0.5:1494")]
            site = site_at(served.port)
            kept = Enumeration(Controllers(Straight().reach), Clock())
            for user in ("a", "b", "c", "c", "b"):
                await kept.of_user(site, HERE, User(user, "CORP"))
            assert len(served.asked) == 3
            await kept.of_user(site, HERE, User("a", "CORP"))
            assert len(served.asked) == 4

    asyncio.run(story())
