from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import encode_basic_auth
from sqlalchemy import text

from gateway.broker import locations, resources
from gateway.broker.resources import Draft
from gateway.launch.file import parse_launch_file
from tests.gateway.broker.serving import broker
from tests.gateway.broker.world import FAST, NOW, make_resource


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(name, password)}


def test_a_user_launches_what_is_theirs(tmp_path: Path) -> None:
    """Log in, see one's resources, get a launch file whose ticket redeems; nothing of another tenant."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            engine = served.desk.engine
            locations.create_tenant(engine, "acme", now=NOW)
            for tenant in ("default", "acme"):
                FAST.add(engine, "alice", f"password of {tenant}", tenant=tenant, now=NOW)
            office = make_resource(engine)
            foreign = make_resource(engine, "other", tenant="acme")
            ours = basic("alice", "password of default")
            theirs = basic("acme\\alice", "password of acme")
            for auth, resource in ((ours, office), (theirs, foreign)):
                listed = await served.call("GET", "/resources", headers=auth)
                (one,) = listed.json["resources"]
                assert (one["id"], one["name"], one["kind"]) == (resource.id, resource.name, "rdp")
                assert one["location"] == f"{resource.name}-site"
            answer = await served.call("POST", "/launch", json={"resource": "office"}, headers=ours)
            assert answer.headers["Content-Type"] == "application/x-ica; charset=utf-8"
            launch = parse_launch_file(answer.body)
            grant = served.desk.sta.redeem(launch.ticket, "fra", now=served.desk.clock())
            assert (grant.user, grant.resource) == ("alice", office)
            crossed = await served.call("POST", "/launch", json={"resource": foreign.id}, headers=ours)
            assert crossed.status == 404

    asyncio.run(story())


def test_a_resource_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """It is not listed, and its name does not help."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            engine = served.desk.engine
            for name in ("alice", "bob"):
                FAST.add(engine, name, "password1", tenant="default", now=NOW)
            site = locations.create(engine, "site", tenant="default", now=NOW)
            resources.add(engine, Draft("hers", site.id, "h", 1, ["alice"]), tenant="default", now=NOW)
            bob = basic("bob", "password1")
            assert (await served.call("GET", "/resources", headers=bob)).json["resources"] == []
            answer = await served.call("POST", "/launch", json={"resource": "hers"}, headers=bob)
            assert (answer.status, answer.json["code"]) == (403, "broker_refused")

    asyncio.run(story())


def test_wrong_passwords_are_limited(tmp_path: Path) -> None:
    """Ten a minute per name; then even the right one waits, and other users do not."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            for name in ("alice", "bob"):
                FAST.add(served.desk.engine, name, "password1", tenant="default", now=NOW)
            for _ in range(10):
                answer = await served.call("GET", "/resources", headers=basic("alice", "wrong"))
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"] == "Basic"
            late = await served.call("GET", "/resources", headers=basic("alice", "password1"))
            assert (late.status, late.json["code"]) == (429, "client_rate_limited")
            assert (await served.call("GET", "/resources", headers=basic("bob", "password1"))).status == 200

    asyncio.run(story())


def test_health_is_the_databases(tmp_path: Path) -> None:
    """200 while it answers, 503 when it does not."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            answer = await served.call("GET", "/healthz")
            assert (answer.status, answer.json["sta"]) == (200, served.desk.sta.id)
            with served.desk.engine.begin() as connection:
                connection.execute(text("ALTER TABLE gw_tenants RENAME TO away"))
            assert (await served.call("GET", "/healthz")).status == 503

    asyncio.run(story())
