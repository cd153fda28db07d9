"""`itm probe` against an API; the agent itself stands in tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from itm.__main__ import main
from tests.itm.cli.ops_server import OpsServer, serving

AGENTS = {
    "plan": "v2",
    "agents": [
        {"name": "local", "region": "eu", "state": "enrolled"},
        {"name": "nyc", "region": "na", "state": "enrolled", "age_seconds": 0.4, "outcomes": 12, "plan": "v1",
         "expires_at": 1_700_000_000.0},
    ],
}  # fmt: skip


def run(ops: OpsServer, tmp_path: Path, *words: str) -> int:
    (tmp_path / "ops.token").write_text("itm_t")
    return main(["probe", *words, "--server", ops.url, "--set", f"state={tmp_path}"])


def test_a_token_is_printed_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that a script can keep it."""
    words = ("--name", "nyc", "--region", "na", "--ttl", "2h", "--for", "30d")
    with serving({"POST /api/v1/probe/agents": (201, {"token": "itmp_x"})}) as ops:
        assert run(ops, tmp_path, "token", "create", *words) == 0
    assert capsys.readouterr().out == "itmp_x\n"
    expected = {"name": "nyc", "region": "na", "token_seconds": 7200.0, "for_seconds": 2_592_000.0}
    assert (ops.asked[0].body, ops.asked[0].authorization) == (expected, "Bearer itm_t")


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server itself, and one that has another plan than it should."""
    with serving({"GET /api/v1/probe/agents": (200, AGENTS)}) as ops:
        assert run(ops, tmp_path, "list") == 0
        assert run(ops, tmp_path, "list", "--json") == 0
    text, _, rest = capsys.readouterr().out.partition("{")
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["NAME", "REGION", "STATE", "REPORTED", "OUTCOMES", "PLAN", "UNTIL"]
    assert lines[1] == ["local", "eu", "enrolled", "-", "-", "-", "-"]
    assert lines[2] == ["nyc", "na", "enrolled", "0", "s", "ago", "12", "old", "2023-11-14", "22:13:20Z"]
    assert json.loads("{" + rest) == AGENTS


def test_revoke(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By name."""
    with serving({"DELETE /api/v1/probe/agents/nyc": (200, {})}) as ops:
        assert run(ops, tmp_path, "revoke", "nyc") == 0
    assert capsys.readouterr().out == "nyc is revoked\n"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--server", "http://itm.example.net"), "--server: expected https://"),
        (("--server", "itm.example.net:443"), "--server: expected https://"),
        (("--server", "https://a", "--token-file", "absent"), "--token-file absent: No such file"),
        (("--server", "https://a", "--ca", "absent.pem"), "absent.pem: No such file"),
        (("--server", "http://localhost:1"), "credential: no such file: enrol with --token-file"),
    ],
)
def test_what_an_agent_cannot_start_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], fault: str
) -> None:
    """One line, and status 2."""
    assert main(["probe", "agent", *words, "--state", str(tmp_path)]) == 2
    assert fault in capsys.readouterr().err
