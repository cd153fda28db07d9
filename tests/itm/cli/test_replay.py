"""`itm replay` by a state directory, and how its outcome reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from itm.__main__ import main
from itm.cli.replay import lines_of
from models import artifact
from tests.itm.steer.station import FakePredictor, Station, bundle

HOUR: dict[str, Any] = {
    "start": 3600.0, "queries": 1234.0, "sessions": 1000.0, "full_before": [], "full": ["ams"],
    "load_before": {"ams": 0.3, "ash": 0.7}, "load": {"ams": 0.6, "ash": 0.4},
}  # fmt: skip
TOLD: dict[str, Any] = {
    "at": 7200.0, "capacity": {"ams": 500.0}, "removed": [], "classes": [], "hours": [HOUR],
}  # fmt: skip


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The options that name a server's state, and a catalog without Amsterdam in `new`."""
    station = Station.at(tmp_path)
    station.apply(bundle())
    builder = station.builder()
    builder.step()
    builder.close()
    (tmp_path / "new").mkdir()
    for name, text in bundle(("tokyo", "osaka", "ash")).items():
        (tmp_path / "new" / name).write_text(text)
    sets = (f"state={station.config.state}", f"geoip.places={station.config.geoip.places}")
    return [word for one in sets for word in ("--set", one)]


def test_a_changed_catalog(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who loses what, and that no hour is known; as data with everything."""
    with patch.object(artifact, "load", return_value=FakePredictor()), patch("itm.cli.replay.yield_to_all"):
        assert main(["replay", str(tmp_path / "new"), *words]) == 0
        out = capsys.readouterr().out
        assert "33.33% of demand changes its POP; 0.00 ms gained, 26.00 ms lost on average" in out
        assert out.endswith("no queries were counted: no loads by the hour\n")
        assert main(["replay", str(tmp_path / "new"), "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out)["classes"][0]["load"]["ams"] == 0


def test_a_catalog_without_services(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service that is no more is told by name, and why there are no hours."""
    main_file = tmp_path / "new" / "catalog.yaml"
    main_file.write_text(main_file.read_text().split("services:")[0])
    with patch.object(artifact, "load", return_value=FakePredictor()), patch("itm.cli.replay.yield_to_all"):
        assert main(["replay", str(tmp_path / "new"), *words]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "gw.example.net.: removed, answered no more",
        "no service is steered: no loads by the hour",
    ]


def test_nothing_changed_is_an_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It would take a while to say nothing."""
    assert main(["replay", *words]) == 2
    assert "name a catalog, --predictor FILE, or both" in capsys.readouterr().err


def test_a_predictor_that_is_none(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the file."""
    (tmp_path / "x.skops").write_bytes(b"noise")
    with patch("itm.cli.replay.yield_to_all"):
        assert main(["replay", "--predictor", str(tmp_path / "x.skops"), *words]) == 2
    assert "x.skops: not a readable artifact" in capsys.readouterr().err


def test_hours_as_a_person_reads_them() -> None:
    """The fullest POP where capacities are known, else the one with most demand."""
    line = lines_of(TOLD)[-1].splitlines()[-1].split()
    assert line == [
        "1970-01-01",
        "01:00:00Z",
        "1234",
        "ams",
        "60%",
        "full",
        "ams",
        "120%",
        "full",
        "-",
        "ams",
    ]
    unknown = lines_of({**TOLD, "hours": [{**HOUR, "sessions": None, "full": []}]})[-1].splitlines()[-1]
    assert "ash 70.0% of demand" in unknown
    assert "ams 60.0% of demand" in unknown
