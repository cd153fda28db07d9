from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collectors.probe.check import check
from collectors.probe.kinds.http import BODY_BYTES
from collectors.probe.outcome import Outcome
from collectors.probe.target import Target
from tests.collectors.probe.kinds.servers import checked, saying
from tests.gateway.certificates import Certificates

TARGET = Target("http", "127.0.0.1", 0, 10.0, path="/healthz")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def served(handler: Handler, target: Target = TARGET) -> Outcome:
    """Check a real HTTP server on a free port whose /healthz is `handler`."""

    async def scenario() -> Outcome:
        app = web.Application()
        app.router.add_get("/healthz", handler)
        async with TestServer(app, host="127.0.0.1") as server:
            return await check(replace(target, port=int(server.port or 0)))

    return asyncio.run(scenario())


def answering(code: int = 200, text: str = "", **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, text=text, headers=headers)

    return handler


@pytest.mark.parametrize(("code", "up"), [(200, True), (204, True), (302, True), (404, False), (503, False)])
def test_an_http_check_passes_on_200_to_399(code: int, up: bool) -> None:
    """A redirect shows that the POP answers; it is not followed."""
    outcome = served(answering(code, Location="/elsewhere"))
    assert outcome.up is up
    assert outcome.detail == ("" if up else f"HTTP status {code}")


@pytest.mark.parametrize(
    ("status", "up"), [(((404, 404),), True), (((200, 299), (404, 410)), True), (((200, 299),), False)]
)
def test_the_status_that_is_wanted(status: tuple[tuple[int, int], ...], up: bool) -> None:
    """One status, or any of several ranges."""
    assert served(answering(404), replace(TARGET, status=status)).up is up


@pytest.mark.parametrize(
    ("header", "up"), [("x-pop", True), ("X-Pop: fra", True), ("X-Pop: ams", False), ("X-Rack", False)]
)
def test_the_header_that_is_wanted(header: str, up: bool) -> None:
    """By name in any case, and with its value when one is stated."""
    outcome = served(answering(**{"X-Pop": "fra"}), replace(TARGET, header=header))
    assert outcome.up is up
    assert outcome.detail == ("" if up else f"no header {header!r}")


def test_the_text_that_is_wanted_in_the_body() -> None:
    """Anywhere in its first 64 KiB, whatever language."""
    for text, up in (("état: prêt\n", True), ("x" * BODY_BYTES + "prêt", False), ("", False)):
        assert served(answering(text=text), replace(TARGET, body="prêt")).up is up


def test_an_endless_body_is_read_within_bounds() -> None:
    """A server that sends for ever is answered for by its first 64 KiB, within the time limit."""

    async def forever(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"y" * 10_000)

    outcome = served(forever, replace(TARGET, body="needle"))
    assert outcome.detail == "the body does not hold 'needle'"
    assert outcome.elapsed_ms < 8000


def test_the_host_header_is_the_configured_name() -> None:
    """A POP that serves by name is checked by name."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Host"])
        return web.Response()

    assert served(handler, replace(TARGET, host="gw.example.net")).up
    assert served(handler).up
    assert (seen[0], seen[1].partition(":")[0]) == ("gw.example.net", "127.0.0.1")


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"", "closed without a response"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "not HTTP: illegal status line: bytearray(b'SSH-2.0-OpenSSH_9')"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "not HTTP: Receive buffer too long"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", ""),
    ],
)
def test_what_is_not_http_has_its_reason(answer: bytes, detail: str) -> None:
    """Garbage, too much, and nothing at all; an interim response is no answer yet."""
    assert checked(TARGET, saying(answer)).detail == detail


def test_https_tells_the_days_of_the_certificate(tmp_path: Path) -> None:
    """One connection for both: what is said, and how long it may be said."""
    answer = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    target = replace(TARGET, protocol="https", sni="gw.test")
    outcome = checked(target, answer, Certificates(tmp_path).server_context())
    assert outcome.up
    assert outcome.days_left
