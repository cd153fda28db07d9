"""`itm model drift`."""

import json
from pathlib import Path

import pytest

from itm.__main__ import main
from tests.itm.cli.ops_server import serving

SOUND = {
    "verdict": "sound",
    "reasons": [],
    "places": 120,
    "cells": 700,
    "error_ms": {"value": 4.25, "low": 3.5, "high": 5.0},
    "signed_ms": [-8.0, 0.5, 9.0],
    "below": [0.26, 0.49, 0.77],
    "regret_ms": {"value": 0.8, "low": 0.4, "high": 1.3},
    "nearest_ms": 4.6,
    "parts": [
        {"kind": "pop", "name": "ams", "cells": 90, "error_ms": 21.4, "is_off": True},
        {"kind": "continent", "name": "EU", "cells": 300, "error_ms": -1.2, "is_off": False},
    ],
    "retraining": {"outcome": "unchanged", "looked_at": 1e9, "reasons": []},
}
REFUSED = {"outcome": "refused", "looked_at": 1.7e9, "reasons": ["held out: worse"]}
FEW = {**SOUND, "verdict": "too few", "reasons": ["3 places measured two POPs or more"]}
DRIFTED = {**SOUND, "verdict": "drifted", "reasons": ["the nearest POP is better by 2.0 ms"]}


def test_a_verdict_comes_with_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1 for a predictor that drifted; of too few places there are no figures."""
    answers = [(200, one) for one in (SOUND, FEW, DRIFTED, DRIFTED, {**FEW, "retraining": REFUSED})]
    with serving({"GET /api/v1/model/drift": answers}) as ops:
        words = ["model", "drift", "--server", ops.url, "--set", f"state={tmp_path}"]
        assert main(words) == 0
        told = capsys.readouterr().out
        assert told.startswith("verdict: sound\n700 round trips of 120 places")
        assert "typical error 4.2 ms (3.5 to 5.0)" in told
        assert "measured below p25 26%, p50 49%, p75 77%" in told
        assert "its choice loses 0.80 ms on average (0.40 to 1.30), the nearest POP 4.60 ms" in told
        assert [line.split() for line in told.splitlines()[-2:]] == [
            ["pop", "ams", "90", "21.4", "off"], ["continent", "EU", "300", "-1.2", "-"],
        ]  # fmt: skip
        assert main(words) == 0
        assert capsys.readouterr().out == "verdict: too few\n  3 places measured two POPs or more\n"
        assert main(words) == 1
        assert capsys.readouterr().out.startswith("verdict: drifted\n  the nearest POP is better by 2.0 ms\n")
        assert main([*words, "--json"]) == 1
        assert json.loads(capsys.readouterr().out) == DRIFTED
        assert main(words) == 0
        assert capsys.readouterr().out.startswith(
            "a changed training table was refused at 2023-11-14 22:13 UTC\n  held out: worse\nverdict: too"
        )


def test_nothing_was_retrained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the schedule off there is nothing to tell of it."""
    with serving({"GET /api/v1/model/drift": (200, {**FEW, "retraining": {}})}) as ops:
        assert main(["model", "drift", "--json", "--server", ops.url, "--set", f"state={tmp_path}"]) == 0
        assert json.loads(capsys.readouterr().out)["retraining"] == {}
