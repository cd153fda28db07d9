from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.gateway.broker.serving import broker


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nothing", b"", 404, "not_found"),
        ("GET", "/launch", b"", 405, "method_not_allowed"),
        ("POST", "/pops/enrol", b"{", 400, "invalid"),
        ("POST", "/pops/enrol", b"[]", 400, "invalid"),
        ("POST", "/pops/enrol", b"[" * 60_000, 400, "invalid"),
        ("POST", "/pops/enrol", b"x" * 70_000, 413, "request_entity_too_large"),
        ("POST", "/sta/redeem", b"{}", 401, "broker_refused"),
        ("POST", "/sta/refresh", b"{}", 401, "broker_refused"),
        ("POST", "/sta/ticket", b"{}", 401, "unauthorised"),
        ("POST", "/launch", b"{}", 401, "unauthorised"),
    ],
)
def test_errors_have_one_shape(
    tmp_path: Path, method: str, path: str, body: bytes, status: int, code: str
) -> None:
    """A code and a text, whatever went wrong."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            answer = await served.call(method, path, data=body)
            assert (answer.status, answer.json["code"]) == (status, code)
            assert answer.json.keys() == {"code", "text"}

    asyncio.run(story())


def test_a_bug_tells_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the traceback, the answer has not."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            served.desk.engine.dispose()
            (tmp_path / "broker" / "broker.db").unlink()
            (tmp_path / "broker" / "broker.db").mkdir()
            answer = await served.call("POST", "/sta/ticket", headers={"Authorization": "Bearer x"}, json={})
            assert (answer.status, answer.json["code"]) == (500, "broker_internal")
            assert "sqlite" not in answer.json["text"].lower()

    asyncio.run(story())
    assert "http.bug" in caplog.text
