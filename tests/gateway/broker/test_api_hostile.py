"""Bodies and credentials that no program of ours sends: an exact refusal each, never an error of ours."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from tests.gateway.broker.serving import broker

STRANGE = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"[" * 5_000,
    b'{"token": "' + b"x" * 20_000 + b'", "csr_pem": ""}',
    b'{"token": "\\ud800", "csr_pem": "\\udfff"}',
    b'{"token": "a\\u0000b", "csr_pem": "x"}',
    b'{"token": 7, "csr_pem": []}',
    b'{"token": "t", "csr_pem": "c", "more": 1}',
    b'{"token": "\xff"}',
    json.dumps({"token": "t", "csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA"}).encode(),
)


@pytest.mark.parametrize("path", ["/connectors/enrol", "/pops/enrol"])
def test_strange_bodies_of_strangers(tmp_path: Path, path: str) -> None:
    """What anybody may call: 400 or 401, and it is quick."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            for body in STRANGE:
                answer = await served.call("POST", path, data=body)
                assert answer.status in (400, 401), (body[:40], answer.body)
            huge = await served.call("POST", path, data=b" " * 100_000)
            assert huge.status == 413

    asyncio.run(story())


@pytest.mark.parametrize(
    "name", ["a\0b", "\0", "x" * 10_000, "\u202e", "a\\b\\c", "'; DROP TABLE gw_users; --"]
)
def test_strange_names_at_the_login(tmp_path: Path, name: str) -> None:
    """Nobody, by name and by header: 401 and nothing in the log but that."""

    async def story() -> None:
        async with broker(tmp_path) as served:
            for word in (f"{name}:password1", name):
                header = "Basic " + base64.b64encode(word.encode()).decode()
                answer = await served.call("GET", "/resources", headers={"Authorization": header})
                assert answer.status in (400, 401)

    asyncio.run(story())
