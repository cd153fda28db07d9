"""`itm demand show`."""

import json
from pathlib import Path

import pytest

from itm.__main__ import main
from tests.itm.cli.ops_server import serving

LINE = {"name": "AS2501", "share": 0.0213, "addresses": 256, "clients": 30, "queries": 400}
ANSWER = {
    "networks": 2,
    "clients": 30,
    "queries_per_client": 9.6,
    "addresses_share": 0.995,
    "hours": 24,
    "lost": 0,
    "queries": {"a.example.": 90, "gw.example.": 310},
    "heaviest": {"network": [], "as": [LINE], "country": []},
}


def test_the_heaviest_are_shown_with_their_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sums first, services by their queries; what was lost only where something was."""
    with serving({"GET /api/v1/demand": [(200, ANSWER), (200, {**ANSWER, "lost": 5}), (200, ANSWER)]}) as ops:
        words = ["demand", "show", "--server", ops.url, "--set", f"state={tmp_path}"]
        assert main(words) == 0
        told = capsys.readouterr().out
        assert told.startswith("30 clients and 400 queries of 24 h counted in 2 networks; 9.6 queries make")
        assert "100% of demand follows addresses" in told
        assert told.index("gw.example. 310") < told.index("a.example. 90")
        assert ["AS2501", "2.130%", "256", "30", "400"] in [line.split() for line in told.splitlines()]
        assert "without their network" not in told
        main(words)
        assert "5 more queries were counted without their network" in capsys.readouterr().out
        assert main([*words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == ANSWER
