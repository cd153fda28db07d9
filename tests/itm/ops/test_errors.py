import asyncio
import json
import logging
import socket
import struct

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from collectors.errors import JournalFull, PlaceTableError
from itm.dns.listen import Listen
from itm.errors import CatalogError, ConfigError, ExplainMismatch, Refused, UnsafePlan
from itm.ops.errors import errors_as_json
from itm.ops.listen import Door, bound, served


def answer_of(error: Exception) -> tuple[int, dict[str, object]]:
    """Return status and body when a handler raises `error`."""

    async def handler(request: web.Request) -> web.Response:
        raise error

    async def scenario() -> tuple[int, dict[str, object]]:
        app = web.Application(middlewares=[errors_as_json()])
        app.add_routes([web.get("/", handler)])
        async with TestClient(TestServer(app)) as client:
            answer = await client.get("/")
            return answer.status, json.loads(await answer.text())

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused(418, "no"), 418),
        (ConfigError("x: y"), 400),
        (UnsafePlan("too much"), 409),
        (ExplainMismatch("leaf"), 500),
        (JournalFull("behind"), 503),
        (PlaceTableError("damaged"), 500),
        (web.HTTPConflict(text="taken"), 409),
    ],
)
def test_whose_fault_it_was_is_in_the_status(error: Exception, status: int) -> None:
    """And the text is the error's own."""
    text = error.text if isinstance(error, web.HTTPException) else str(error)
    assert answer_of(error) == (status, {"error": text})


def test_a_catalog_error_keeps_its_reasons_apart() -> None:
    """A client shows one per line."""
    status, body = answer_of(CatalogError(["a: wrong", "b: wrong"]))
    assert (status, body["reasons"]) == (422, ["a: wrong", "b: wrong"])


def test_a_bug_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Its text may hold what is nobody's business."""
    with caplog.at_level(logging.ERROR, logger="itm.ops.errors"):
        status, body = answer_of(KeyError("secret"))
    assert (status, "secret" in str(body)) == (500, False)
    assert [record.getMessage() for record in caplog.records] == ["http.bug"]
    assert caplog.records[0].exc_info is not None


def test_a_redirect_is_no_error() -> None:
    """Only statuses from 400 on become JSON errors."""

    async def handler(request: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    async def scenario() -> int:
        app = web.Application(middlewares=[errors_as_json()])
        app.add_routes([web.get("/", handler)])
        async with TestClient(TestServer(app)) as client:
            return (await client.get("/", allow_redirects=False)).status

    assert asyncio.run(scenario()) == 302


@pytest.mark.parametrize("is_reset", [False, True])
def test_who_leaves_while_sending_is_no_bug(caplog: pytest.LogCaptureFixture, is_reset: bool) -> None:
    """Pages are closed all the time; a traceback for each would bury what is one, and fill a disk."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        begun.set()
        try:
            return web.Response(body=await request.read())
        finally:
            over.set()

    async def scenario() -> None:
        app = web.Application(middlewares=[errors_as_json()])
        app.add_routes([web.post("/", handler)])
        with bound([Listen("127.0.0.1", 0)], "x") as (sock,):
            door = Door(sock)
            async with served(app, [door]):
                _, writer = await asyncio.open_connection(door.address.host, door.address.port)
                writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{")
                async with asyncio.timeout(30):
                    await begun.wait()
                    if is_reset:
                        linger = struct.pack("ii", 1, 0)
                        writer.get_extra_info("socket").setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, linger
                        )
                    writer.close()
                    await over.wait()

    asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
