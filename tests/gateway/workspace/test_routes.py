from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.broker import locations, resources, sites
from gateway.broker.directories import Directory
from gateway.broker.resources import Draft
from gateway.launch.file import parse_launch_file
from gateway.workspace import routes
from gateway.workspace.visitor import COOKIE
from tests.gateway.broker.serving import Answer, Served, broker
from tests.gateway.broker.world import FAST, NOW, make_resource

PASSWORD = "correct horse"


@dataclass
class Page:
    """A browser without script: keeps its cookie, sends the forms of the last page."""

    served: Served
    cookie: str = ""
    last: Answer | None = None
    seen: list[str] = field(default_factory=list)

    async def get(self, path: str) -> Answer:
        return await self._go("GET", path)

    async def send(self, path: str, **fields: str) -> Answer:
        token = re.search(rb'name="form" value="([^"]+)"', self.last.body) if self.last else None
        form = ({"form": token[1].decode()} if token else {}) | fields
        return await self._go("POST", path, data=form)

    async def log_in(self, user: str = "alice", password: str = PASSWORD, at: str = "/login") -> Answer:
        answer = await self.send(at, user=user, password=password)
        return await self.get("/apps") if answer.status == 303 else answer

    async def _go(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"Origin": f"https://{self.served.running.api}"}
        headers |= {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}
        answer = await self.served.call(method, path, headers=headers, allow_redirects=False, **more)
        set_cookie = answer.headers.get("Set-Cookie", "")
        if set_cookie.startswith(COOKIE):
            self.cookie = set_cookie.partition(";")[0].partition("=")[2].strip('"')
        if "html" in answer.headers.get("Content-Type", ""):
            self.last = answer
        return answer


@asynccontextmanager
async def workspace(tmp_path: Path) -> AsyncIterator[Page]:
    """A broker with the user alice and the resource `office` for everyone."""
    async with broker(tmp_path) as served:
        FAST.add(served.desk.engine, "alice", PASSWORD, tenant="default", now=NOW)
        make_resource(served.desk.engine)
        yield Page(served)


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def test_log_in_see_open_log_out(tmp_path: Path) -> None:
    """The whole way; the file's ticket redeems for this user, the cookie is worth nothing afterwards."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            assert b'action="/login"' in (await page.get("/")).body
            seen = await page.log_in()
            for shown in (b"office", b"Windows desktop", b"office-site", b"alice"):
                assert shown in seen.body
            path = re.search(rb'action="(/apps/[^"]+)"', seen.body)
            assert path
            file = await page.send(path[1].decode())
            assert file.headers["Content-Type"].startswith("application/x-ica")
            assert file.headers["Content-Disposition"] == 'attachment; filename="office.ica"'
            ticket = parse_launch_file(file.body).ticket
            grant = page.served.desk.sta.redeem(ticket, "fra", now=page.served.desk.clock())
            assert (grant.user, grant.resource.name) == ("alice", "office")
            assert (await page.get("/")).headers["Location"] == "/apps"
            kept = page.cookie
            assert (await page.send("/logout")).headers["Location"] == "/left"
            assert page.cookie == ""
            assert b"You are logged out." in (await page.get("/left")).body
            page.cookie = kept
            assert (await page.get("/apps")).status == 401

    play(story())


def test_nobody_learns_which_part_was_wrong(tmp_path: Path) -> None:
    """A wrong password, an unknown user and an unknown tenant look the same; the password is not repeated."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            wrong = [await page.log_in("alice", "wrong one"), await page.log_in("bobby", "wrong one")]
            wrong.append(await page.log_in("nope\\a", "wrong one"))
            assert [answer.status for answer in wrong] == [401] * 3
            bodies = {re.sub(rb'value="[^"]*"', b"", answer.body) for answer in wrong}
            assert len(bodies) == 1
            assert routes.WRONG.encode() in bodies.pop()
            assert b"wrong one" not in wrong[0].body

    play(story())


def test_too_many_attempts(tmp_path: Path) -> None:
    """The page says so after ten, and the API counts with it, however the name is written."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            for name in ("alice", "default\\alice") * 5:
                assert (await page.log_in(name, "wrong")).status == 401
            late = await page.log_in()
            assert late.status == 429
            assert routes.TOO_MANY.encode() in late.body

    play(story())


def test_a_directory_that_is_away(tmp_path: Path) -> None:
    """Is not a wrong password, and takes nothing from local users."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            desk = page.served.desk
            place = locations.create(desk.engine, "hq", tenant="default", now=NOW)
            directory = Directory("default", "corp", place, "dc1.corp", 636, "dc=corp")
            desk.directories.add(directory, "", now=NOW)
            away = await page.log_in("zoe", PASSWORD)
            assert away.status == 503
            assert routes.NO_DIRECTORY.encode() in away.body
            assert (await page.log_in()).status == 200

    play(story())


def test_a_site_that_is_away(tmp_path: Path) -> None:
    """A notice stands for what it offers; the rest is there."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            engine = page.served.desk.engine
            place = locations.create(engine, "hq", tenant="default", now=NOW)
            sites.add(engine, sites.Draft("farm", place, "ddc1.corp", 80), now=NOW)
            seen = await page.log_in()
            assert b"What farm offers cannot be listed at the moment." in seen.body
            assert b"office" in seen.body

    play(story())


def test_a_tenants_own_address(tmp_path: Path) -> None:
    """`/t/acme` logs acme's users in by their bare names, and an unknown tenant looks like any other."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            locations.create_tenant(page.served.desk.engine, "acme", now=NOW)
            FAST.add(page.served.desk.engine, "alice", "battery staple", tenant="acme", now=NOW)
            for name in ("acme", "nobody"):
                asked = await page.get(f"/t/{name}")
                assert asked.status == 200
                assert f'action="/t/{name}/login"'.encode() in asked.body
            assert (await page.log_in("alice", PASSWORD, "/t/acme/login")).status == 401
            seen = await page.log_in("alice", "battery staple", "/t/acme/login")
            assert b"acme\\alice" in seen.body
            assert b"Nothing here yet" in seen.body
            assert (await page.send("/logout")).headers["Location"] == "/t/acme/left"
            assert b'action="/t/acme/login"' in (await page.get("/t/acme/left")).body

    play(story())


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=["nobody", "origin", "fetch"],
)
def test_forms_of_other_sites_are_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    """Logging in, opening and logging out do nothing when another site's page sends them."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            await page.get("/")
            await page.log_in()
            cookie = {"Cookie": f"{COOKIE}={page.cookie}"}
            assert page.last
            token = re.search(rb'name="form" value="([^"]+)"', page.last.body)
            assert token
            form = {"form": token[1].decode(), "user": "alice", "password": PASSWORD}
            for path in ("/login", "/logout", "/apps/office/launch"):
                answer = await page.served.call("POST", path, headers=headers | cookie, data=form)
                assert answer.status == 403, path
            assert (await page.get("/apps")).status == 200

    play(story())


def test_a_form_without_its_token_is_refused(tmp_path: Path) -> None:
    """None, a wrong one, and that of another login."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            other = Page(page.served)
            await other.log_in()
            await page.log_in()
            assert other.last
            foreign = re.search(rb'name="form" value="([^"]+)"', other.last.body)
            assert foreign
            for token in ("", "0" * 64, foreign[1].decode()):
                assert (await page.send("/apps/office/launch", form=token)).status == 403

    play(story())


def test_a_login_ends_by_itself(tmp_path: Path) -> None:
    """After half an hour of silence the page asks again; a restart of the broker ends nothing."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            await page.log_in()
            kept = page.cookie
        async with broker(tmp_path) as served:
            page = Page(served, kept)
            assert (await page.get("/apps")).status == 200
            with served.desk.engine.begin() as connection:
                connection.execute(text("UPDATE gw_logins SET seen_at = seen_at - 1801"))
            over = await page.get("/apps")
            assert over.status == 401
            assert routes.OVER.encode() in over.body

    play(story())


def test_a_resource_that_is_gone(tmp_path: Path) -> None:
    """The page stays, says it, and shows what there is; somebody else's resource looks the same."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            engine = page.served.desk.engine
            FAST.add(engine, "bob", PASSWORD, tenant="default", now=NOW)
            site = locations.create(engine, "site", tenant="default", now=NOW)
            hers = resources.add(engine, Draft("his", site.id, "h", 1, ["bob"]), tenant="default", now=NOW)
            await page.log_in()
            for name in ("nothing-1", hers.id, "his"):
                answer = await page.send(f"/apps/{name}/launch")
                assert answer.status == 404
                assert routes.GONE.encode() in answer.body
                assert b"office" in answer.body

    play(story())


def test_a_ticket_that_cannot_be_made(tmp_path: Path) -> None:
    """The page says that it is not the user's fault."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            await page.log_in()
            with page.served.desk.engine.begin() as connection:
                connection.execute(text("ALTER TABLE gw_tickets RENAME TO away"))
            answer = await page.send("/apps/office/launch")
            assert answer.status == 503
            assert routes.NO_TICKET.encode() in answer.body

    play(story())


def test_every_answer_has_the_headers(tmp_path: Path) -> None:
    """Pages, redirects, files, refusals, what is not there; the cookie is for this host, TLS, no script."""

    async def story() -> None:
        async with workspace(tmp_path) as page:
            answers = [
                await page.get(path) for path in ("/", "/apps", "/workspace/style.css", "/workspace/x")
            ]
            answers.append(await page.send("/login", user="alice", password=PASSWORD))
            answers.append(await page.send("/logout", form="wrong"))
            answers.append(await page.get("/workspace/parting.css"))
            assert [answer.status for answer in answers] == [200, 401, 200, 404, 303, 403, 200]
            assert answers[6].headers["Clear-Site-Data"] == '"cache"'
            for answer in answers:
                assert (
                    routes.HEADERS.items() - {("Cache-Control", "no-store")} <= dict(answer.headers).items()
                )
            cookie = answers[4].headers["Set-Cookie"].lower()
            for mark in ("secure", "httponly", "samesite=strict", "path=/", "max-age=28800"):
                assert mark in cookie
            assert "domain" not in cookie

    play(story())
