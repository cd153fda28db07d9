"""`itm map` against an ops API: what it asks, and what it prints."""

from __future__ import annotations

import json

import pytest

from itm.__main__ import main
from tests.itm.cli.ops_server import serving

EMPTY = {"old": 3, "new": 5, "removed": [], "classes": []}


@pytest.mark.parametrize(
    ("words", "path"),
    [(["5"], "new=5&top=10"), (["3", "5", "--top", "2"], "old=3&new=5&top=2")],
)
def test_two_maps_are_compared(words: list[str], path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One number is the newer map."""
    with serving({f"GET /api/v1/map/diff?{path}": (200, EMPTY)}) as ops:
        assert main(["map", "diff", *words, "--server", ops.url]) == 0
        assert capsys.readouterr().out.startswith("map 3 -> map 5\n")
        assert main(["map", "diff", *words, "--json", "--server", ops.url]) == 0
        assert json.loads(capsys.readouterr().out) == EMPTY
