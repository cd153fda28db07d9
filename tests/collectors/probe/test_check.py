import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collectors.probe.check import Target, check
from collectors.probe.outcome import Outcome


def serve_and_check(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], **fields: object
) -> Outcome:
    """Check a real HTTP server on a free port whose /healthz is `handler`."""

    async def scenario() -> Outcome:
        app = web.Application()
        app.router.add_get("/healthz", handler)
        async with TestServer(app, host="127.0.0.1") as server:
            target = {"protocol": "http", "path": "/healthz", **fields}
            return await check(Target(address="127.0.0.1", port=int(server.port or 0), **target))  # type: ignore[arg-type]

    return asyncio.run(scenario())


def status(code: int) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers={"Location": "/elsewhere"} if code == 302 else {})

    return handler


@pytest.mark.parametrize(("code", "up"), [(200, True), (204, True), (302, True), (404, False), (503, False)])
def test_an_http_check_passes_on_200_to_399(code: int, up: bool) -> None:
    """A redirect shows that the POP answers; it is not followed."""
    outcome = serve_and_check(status(code))
    assert outcome.up is up
    assert outcome.detail == ("" if up else f"HTTP status {code}")


def test_the_host_header_is_the_configured_name() -> None:
    """A POP that serves by name is checked by name."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Host"])
        return web.Response()

    assert serve_and_check(handler, host="gw.example.net").up
    assert seen == ["gw.example.net"]


def test_a_silent_server_fails_after_the_timeout() -> None:
    """An HTTP server that accepts and never answers is a failure with its time limit in the reason."""

    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    outcome = serve_and_check(handler, timeout_seconds=0.05)
    assert outcome == Outcome(up=False, elapsed_ms=outcome.elapsed_ms, detail="no answer within 0.05 s")
    assert outcome.elapsed_ms >= 45


def test_https_against_a_plain_server_is_a_failure_with_a_reason() -> None:
    """A server that does not speak TLS fails an https check."""
    outcome = serve_and_check(status(200), protocol="https")
    assert not outcome.up
    assert outcome.detail


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_tcp_check_passes_when_the_port_accepts() -> None:
    """Three-way handshake done: up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = Target("tcp", "127.0.0.1", server.getsockname()[1])
        assert asyncio.run(check(target)).up


@pytest.mark.parametrize("protocol", ["tcp", "http", "https"])
def test_a_closed_port_is_refused(protocol: str) -> None:
    """The reason is the operating system's, whatever the protocol."""
    outcome = asyncio.run(check(Target(protocol, "127.0.0.1", free_port())))
    assert (outcome.up, outcome.detail) == (False, "connection refused")


def test_an_unknown_protocol_is_refused_when_the_target_is_made() -> None:
    """A typing error is found when the catalog is loaded, not at the first check."""
    with pytest.raises(ValueError, match="tcp, http, https"):
        Target("icmp", "127.0.0.1", 1)


def test_the_url_of_an_ipv6_target_has_brackets() -> None:
    """RFC 3986 3.2.2."""
    assert Target("http", "2001:db8::1", 80, "/x").url == "http://[2001:db8::1]:80/x"
