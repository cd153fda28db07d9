"""`itm pop` against an API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from itm.__main__ import main
from tests.itm.cli.ops_server import OpsServer, serving

POPS = {
    "fail_open": True,
    "pops": [
        {"id": "a", "city": "Bonn", "country": "DE", "state": "up", "reason": "", "override": None},
        {
            "id": "b", "city": "Oslo", "country": "NO", "state": "drained", "reason": "drained by anna",
            "override": {"author": "anna", "expires_at": 1_700_000_000.0},
            "load": {"sessions": 7, "capacity": 100, "share": 0.07, "hosts": 1, "age_seconds": 2.0},
        },
    ],
}  # fmt: skip


def run(ops: OpsServer, tmp_path: Path, *words: str) -> int:
    (tmp_path / "ops.token").write_text("itm_t")
    return main(["pop", *words, "--server", ops.url, "--set", f"state={tmp_path}"])


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line per POP with state, override and reason; failing open is said."""
    with serving({"GET /api/v1/pops": (200, POPS)}) as ops:
        assert run(ops, tmp_path, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["POP", "STATE", "PLACE", "LOAD", "UNTIL", "BY", "REASON"],
        ["a", "up", "Bonn", "DE", "-", "-", "-", "-"],
    ]
    assert lines[2] == "b    drained (forced)  Oslo NO  7/100  2023-11-14 22:13:20Z  anna  drained by anna"
    assert lines[3] == "All POPs are down: answers are given as if all were up."


def test_list_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the API's answer."""
    with serving({"GET /api/v1/pops": (200, POPS)}) as ops:
        run(ops, tmp_path, "list", "--json")
    assert json.loads(capsys.readouterr().out) == POPS


@pytest.mark.parametrize(
    ("words", "body", "said"),
    [
        (["drain", "a b"], {"state": "drained", "reason": ""}, "a b is drained until cleared"),
        (
            ["down", "a b", "--for", "1h", "--reason", "fire"],
            {"state": "down", "reason": "fire", "for_seconds": 3600.0},
            "a b is down for 3600 s",
        ),
        (["up", "a b"], {"state": "up", "reason": ""}, "a b is up until cleared"),
    ],
)
def test_forcing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], body: object, said: str
) -> None:
    """The state, its time and its reason reach the API, with the token."""
    with serving({"POST /api/v1/pops/a%20b/override": (200, {})}) as ops:
        assert run(ops, tmp_path, *words) == 0
    assert (ops.asked[0].body, ops.asked[0].authorization) == (body, "Bearer itm_t")
    assert capsys.readouterr().out.strip() == said


def test_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was forced is forgotten."""
    with serving({"DELETE /api/v1/pops/a/override": (200, {})}) as ops:
        assert run(ops, tmp_path, "clear", "a") == 0
    assert capsys.readouterr().out == "a follows its checks\n"


def test_an_unknown_pop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal is one line on stderr and status 2."""
    with serving({"POST /api/v1/pops/x/override": (404, {"error": "no POP 'x'"})}) as ops:
        assert run(ops, tmp_path, "drain", "x") == 2
    assert capsys.readouterr().err == "itm: no POP 'x'\n"


def test_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What every agent finds; a stale view is marked, and an unknown POP is an error."""
    common = {"since": 1_700_000_000.0, "age_seconds": 2.0, "elapsed_ms": 12.34, "notice": ""}
    views = [
        {"agent": "local", "region": "eu", "passes": True, "votes": True, "detail": "old", **common},
        {"agent": "nyc", "region": "na", "passes": False, "votes": False, "detail": "refused", **common},
    ]
    checks = [{"address": "192.0.2.1", "agents": views}]
    pop = {**POPS["pops"][0], "reason": "checks pass", "checks": checks}  # type: ignore[index]
    with serving({"GET /api/v1/pops": (200, {"pops": [pop]})}) as ops:
        assert run(ops, tmp_path, "show", "a") == 0
        assert run(ops, tmp_path, "show", "nope") == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a is up: checks pass"
    assert lines[2].split()[:4] == ["192.0.2.1", "local", "eu", "up"]
    assert lines[3].endswith("2 s ago  12.3  refused")
    assert "down (stale)" in lines[3]
