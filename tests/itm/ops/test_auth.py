from pathlib import Path

import pytest

from itm.ops.auth import bearer
from itm.store import tokens
from tests.itm.ops.harness import Served, play


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", ""),
        ("abc", ""),
        ("Bearer", ""),
        ("", ""),
    ],
)
def test_the_secret_of_a_header(header: str, secret: str) -> None:
    """RFC 6750 2.1; the scheme's case does not matter."""
    assert bearer(header) == secret


def test_an_expired_token_stops_working(tmp_path: Path) -> None:
    """Its time is looked at on every request."""

    async def scenario(served: Served) -> None:
        now = served.clock.now
        secret = tokens.create(served.engine, "x", ["operate"], author="t", now=now, expires_at=now + 60)
        headers = {"Authorization": f"Bearer {secret}"}
        path = "/api/v1/map/unpin"
        assert (await served.ops("POST", path, headers=headers)).status == 200
        served.clock.now += 60
        assert (await served.ops("POST", path, headers=headers)).status == 401

    play(tmp_path, scenario)
