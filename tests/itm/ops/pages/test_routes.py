import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from itm.ops.pages.routes import FILES, File, routes

Client = TestClient[web.Request, web.Application]


def play(scenario: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        app = web.Application()
        app.add_routes(routes())
        async with TestClient(TestServer(app)) as client:
            await scenario(client)

    asyncio.run(run())


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_a_file_is_served_to_any_origin(file: File) -> None:
    """With its kind in UTF-8, and kept for a few minutes; HEAD tells the same."""

    async def scenario(client: Client) -> None:
        for method in ("GET", "HEAD"):
            answer = await client.request(method, file.path)
            assert (answer.status, answer.content_type, answer.charset) == (200, file.kind, "utf-8")
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert answer.headers["Cache-Control"] == "public, max-age=300"
            assert bool(await answer.read()) == (method == "GET")

    play(scenario)


def test_what_a_browser_has_is_not_sent_again() -> None:
    """304 for its ETag, the file for another one."""

    async def scenario(client: Client) -> None:
        tag = (await client.get("/rum/v1/rum.js")).headers["ETag"]
        for given, status in ((tag, 304), (f'"other", W/{tag}', 304), ('"other"', 200)):
            answer = await client.get("/rum/v1/rum.js", headers={"If-None-Match": given})
            assert (answer.status, answer.headers["ETag"]) == (status, tag)
            assert bool(await answer.read()) == (status == 200)

    play(scenario)
