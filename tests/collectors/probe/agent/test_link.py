"""Over real TLS, against a server that answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from collectors.errors import AgentRefused, FormError
from collectors.probe.agent.link import Away, Link, linked
from collectors.probe.agent.report import Report
from tests.gateway.certificates import Certificates

REPORT = Report("r", 1, "v", ())


def talk(
    tmp_path: Path,
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
    scenario: Callable[[Link], Awaitable[Any]],
    *,
    is_trusted: bool = True,
) -> Any:
    """Return what the scenario gets of a server whose every page is `answer`."""
    certificates = Certificates(tmp_path)

    async def run() -> Any:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificates.server_context()).start()
            authorities = certificates.ca if is_trusted else None
            async with linked(f"https://127.0.0.1:{runner.addresses[0][1]}/", authorities) as link:
                link.credential = "secret"
                return await scenario(link)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def saying(status: int, body: object) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})
        return web.json_response(body, status=status)

    return answer


def test_the_credential_travels_in_a_header(tmp_path: Path) -> None:
    """To the paths of the API, below whatever the server's URL ends with."""
    seen: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, request.headers["Authorization"]))
        return web.json_response({"plan": "v2", "name": "fra"})

    async def scenario(link: Link) -> tuple[str, str]:
        return await link.send(REPORT), await link.enrol("t", "c")

    assert talk(tmp_path, answer, scenario) == ("v2", "fra")
    assert seen == [(f"/probe/v1/agent/{what}", "Bearer secret") for what in ("report", "enrol")]


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (401, {"error": "the agent 'fra' was revoked"}, AgentRefused, "the agent 'fra' was revoked"),
        (400, {"error": "run: too long"}, FormError, "run: too long"),
        (413, {"error": "too large"}, FormError, "too large"),
        (503, {"error": "later"}, Away, "later"),
        (403, "<h1>Forbidden</h1>", Away, "HTTP status 403"),
        (302, "moved", Away, "HTTP status 302"),
        (200, "<h1>Hello</h1>", Away, "answer: not JSON"),
        (200, {"plan": 5}, Away, "plan: expected a text, got int"),
    ],
)
def test_what_an_answer_means(
    tmp_path: Path, status: int, body: object, error: type[Exception], text: str
) -> None:
    """Final is only what the server itself says; no redirect takes the credential elsewhere."""
    with pytest.raises(error) as raised:
        talk(tmp_path, saying(status, body), lambda link: link.send(REPORT))
    assert str(raised.value) == text


def test_a_server_that_cannot_be_verified_hears_nothing(tmp_path: Path) -> None:
    """Not even the credential."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        return web.json_response({"plan": "v"})

    with pytest.raises(Away, match="the server's certificate: "):
        talk(tmp_path, answer, lambda link: link.send(REPORT), is_trusted=False)
    assert seen == []


def test_a_server_that_is_not_there_may_come_back() -> None:
    """A closed port is no last word."""

    async def run() -> None:
        async with linked("http://127.0.0.1:1", None) as link:
            with pytest.raises(Away):
                await link.plan()

    asyncio.run(run())
