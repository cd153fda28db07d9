"""`itm catalog canary` and the options that make a change one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from itm.__main__ import main
from itm.cli.canary import lines_of, share
from tests.itm.catalog.bundles import bundle
from tests.itm.cli.ops_server import serving

RUNNING: dict[str, Any] = {
    "version": 4, "share": 0.05, "seed": 4, "started_at": 0.0, "wish": "", "wished_by": "",
    "verdict": {"fate": "watching", "reason": "59 minutes to go", "differing": 31},
}  # fmt: skip
ENDED = {"version": 3, "fate": "rolled back", "ended_at": 60.0, "share": 0.1, "reason": "measured harm"}


@pytest.mark.parametrize(("text", "value"), [("5%", 0.05), ("0.05", 0.05), ("50%", 0.5), ("1e-2", 0.01)])
def test_shares(text: str, value: float) -> None:
    """In percent or not."""
    assert share(text) == value


@pytest.mark.parametrize("text", ["0", "51%", "0.6", "five", "5%%", "-1%", "nan"])
def test_what_is_no_share(text: str) -> None:
    """More than half is no canary."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected a share up to half"):
        share(text)


def test_how_it_stands() -> None:
    """What runs, the last verdict, and what became of those before."""
    assert lines_of({"running": None, "ended": []}) == ["no canary is running"]
    lines = lines_of({"running": RUNNING | {"wish": "abort", "wished_by": "anna"}, "ended": [ENDED]})
    assert lines[:3] == [
        "version 4 is a canary for 5.0% of the places (seed 4) since 1970-01-01 00:00:00Z",
        "watching: 59 minutes to go; 31 places of the slice are answered differently",
        "anna wishes to abort it",
    ]
    assert lines[3].splitlines()[1].split() == [
        "3", "rolled", "back", "1970-01-01", "00:01:00Z", "10.0%", "measured", "harm"
    ]  # fmt: skip


def test_a_catalog_is_applied_as_a_canary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The share goes along; done is what the builder watches."""
    for name, text in bundle("gw.example.net.: {ttl: 60}").items():
        (tmp_path / name).write_text(text)
    (tmp_path / "ops.token").write_text("itm_t")
    settled = {"version": 4, "status": "canary", "reason": "", "plan": None}
    answers = {
        "POST /api/v1/catalog": (202, {"version": 4}),
        "GET /api/v1/catalog/versions/4": (200, settled),
        "GET /api/v1/map": (200, {"pinned": None}),
        "POST /api/v1/catalog/canary/promote": (202, {"version": 4, "wish": "promote"}),
        "GET /api/v1/catalog/canary": (200, {"running": RUNNING, "ended": []}),
    }
    with serving(answers) as ops:
        server = ["--server", ops.url, "--set", f"state={tmp_path}"]
        assert main(["catalog", "apply", str(tmp_path), "--canary", "5%", "--canary-seed", "7", *server]) == 0
        assert main(["catalog", "apply", str(tmp_path), *server, "--canary"]) == 0
        assert main(["catalog", "canary", *server]) == 0
        assert main(["catalog", "canary", "promote", *server]) == 0
    bodies = [asked.body for asked in ops.asked if asked.path == "/api/v1/catalog"]
    assert [(body["canary"], body.get("canary_seed")) for body in bodies] == [(0.05, 7), (True, None)]
    out = capsys.readouterr().out
    assert "version 4 is canary\nthe builder watches it: see `itm catalog canary`" in out
    assert "the builder will promote version 4 in its next turn" in out
