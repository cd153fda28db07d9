from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from tests.gateway.broker.serving import broker
from tests.gateway.broker.test_api_user import basic
from tests.gateway.broker.test_directories import corp
from tests.gateway.broker.world import FAST, NOW

BODY = {"tenant": "default", "user": "ann", "password": ""}


def test_only_the_operator_may_ask(tmp_path: Path) -> None:
    """By the key of the state directory: not a user, nor anybody with another key."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            FAST.add(served.desk.engine, "alice", "password1", tenant="default", now=NOW)
            for headers in ({}, basic("alice", "password1"), {"Authorization": "Bearer 00"}):
                answer = await served.call("POST", "/directories/test", json=BODY, headers=headers)
                assert (answer.status, answer.json["code"]) == (401, "unauthorised")
            key = {"Authorization": f"Bearer {served.desk.operator_key}"}
            answer = await served.call("POST", "/directories/test", json=BODY, headers=key)
            assert (answer.status, answer.json["code"]) == (404, "not_found")

    asyncio.run(story())


def test_a_directory_out_of_reach_is_503(tmp_path: Path) -> None:
    """No POP, no connector: that is said to whom only the directory could know; local users get in."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            FAST.add(served.desk.engine, "alice", "password1", tenant="default", now=NOW)
            served.desk.directories.add(replace(corp(served.desk.engine), groups=()), "x", now=NOW)
            assert (await served.call("GET", "/resources", headers=basic("alice", "password1"))).status == 200
            wrong = await served.call("GET", "/resources", headers=basic("alice", "password2"))
            assert wrong.status == 401
            for _ in range(12):  # nothing was tried, so nothing is counted
                answer = await served.call("GET", "/resources", headers=basic("CORP\\ann", "x"))
                assert (answer.status, answer.json["code"]) == (503, "directory_unavailable")
            assert answer.json["text"] == "the directory corp cannot be asked now (connector_none)"
            empty = await served.call("GET", "/resources", headers=basic("ann", ""))
            assert empty.status == 401
            elsewhere = await served.call("GET", "/resources", headers=basic("OTHER\\ann", "x"))
            assert elsewhere.status == 401

    asyncio.run(story())
