"""`itm token` against an API."""

from __future__ import annotations

from pathlib import Path

import pytest

from itm.__main__ import main
from tests.itm.cli.ops_server import OpsServer, serving

MADE = {"name": "ci", "token": "itm_new", "scopes": ["feed"], "expires_at": None}


def run(ops: OpsServer, tmp_path: Path, *words: str) -> int:
    (tmp_path / "ops.token").write_text("itm_t")
    return main(["token", *words, "--server", ops.url, "--set", f"state={tmp_path}"])


def test_create(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the secret is printed, so that a script can keep it."""
    with serving({"POST /api/v1/tokens": (201, MADE)}) as ops:
        assert run(ops, tmp_path, "create", "--scope", "feed, operate", "--name", "ci", "--ttl", "30d") == 0
    assert capsys.readouterr().out == "itm_new\n"
    expected = {"name": "ci", "scopes": ["feed", "operate"], "for_seconds": 2_592_000.0}
    assert (ops.asked[0].body, ops.asked[0].authorization) == (expected, "Bearer itm_t")


def test_a_name_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name, user and scopes make one."""
    monkeypatch.setenv("LOGNAME", "anna")
    with serving({"POST /api/v1/tokens": (201, MADE)}) as ops:
        run(ops, tmp_path, "create", "--scope", "feed")
    assert ops.asked[0].body == {"name": "anna-feed", "scopes": ["feed"]}


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, scopes and times."""
    token = {"name": "ci", "scopes": ["feed", "admin"], "created_at": 1_700_000_000.0, "expires_at": None}
    with serving({"GET /api/v1/tokens": (200, {"tokens": [token]})}) as ops:
        assert run(ops, tmp_path, "list") == 0
    assert capsys.readouterr().out.splitlines()[1] == "ci    feed,admin  2023-11-14 22:13:20Z  -"


def test_revoke(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A token is named by its name."""
    with serving({"DELETE /api/v1/tokens/ci": (200, {})}) as ops:
        assert run(ops, tmp_path, "revoke", "ci") == 0
    assert capsys.readouterr().out == "ci is revoked\n"
