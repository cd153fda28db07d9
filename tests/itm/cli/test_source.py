"""`itm source list`."""

import json
from pathlib import Path

import pytest

from itm.__main__ import main
from tests.itm.cli.ops_server import serving

RULES = [
    {"source": "rum", "stale_after_seconds": 3600, "then": "fades"},
    {"source": "load", "stale_after_seconds": 60, "then": "not known"},
]


def test_quiet_sources_are_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Marked, and the status is 1; which were never heard of stands below."""
    one = {"source": "rum", "pop": "fra", "newest": 1, "age_seconds": 4000.4, "stale": True}
    answers = [(200, {"rules": RULES, "sources": [one]}), (200, {"rules": RULES, "sources": [one]})]
    answers.append((200, {"rules": RULES[:1], "sources": [{**one, "stale": False}]}))
    with serving({"GET /api/v1/sources": answers}) as ops:
        words = ["source", "list", "--server", ops.url, "--set", f"state={tmp_path}"]
        assert main(words) == 1
        told = capsys.readouterr().out.splitlines()
        assert told[1].split() == ["rum", "fra", "4000", "s", "3600", "s", "quiet"]
        assert told[2] == "Never heard of: load."
        assert main([*words, "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["rules"] == RULES
        assert main(words) == 0
        assert "quiet" not in capsys.readouterr().out
