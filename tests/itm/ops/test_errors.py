import asyncio
import json
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from collectors.errors import JournalFull, PlaceTableError
from itm.errors import CatalogError, ConfigError, ExplainMismatch, Refused, UnsafePlan
from itm.ops.errors import errors_as_json


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
