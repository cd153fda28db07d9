from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.broker import locations, sites
from gateway.broker.sites import Draft
from tests.gateway.broker.serving import broker
from tests.gateway.broker.world import NOW


def test_only_the_operator_checks_a_site(tmp_path: Path) -> None:
    """By the key of the state directory; the answer names who is at fault, here that no connector stands."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            engine = served.desk.engine
            place = locations.create(engine, "hq", tenant="default", now=NOW)
            sites.add(engine, Draft("farm", place, "127.0.0.1", 80), now=NOW)
            body = {"tenant": "default", "site": "farm", "user": "", "password": ""}
            for headers in ({}, {"Authorization": "Bearer nope"}):
                refused = await served.call("POST", "/sites/check", json=body, headers=headers)
                assert refused.status == 401
            key = {"Authorization": f"Bearer {served.desk.operator_key}"}
            away = await served.call("POST", "/sites/check", json=body, headers=key)
            assert (away.status, away.json["code"]) == (502, "unreachable")
            assert away.json["text"].startswith("site farm: 127.0.0.1:80: connector_none")
            foreign = await served.call("POST", "/sites/check", json=body | {"tenant": "acme"}, headers=key)
            assert foreign.status == 404

    asyncio.run(story())
