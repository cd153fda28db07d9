from __future__ import annotations

from pathlib import Path

import pytest

from itm.__main__ import main


@pytest.mark.parametrize(
    ("option", "value"), [("--networks", "0"), ("--hours", "-1"), ("--hours", "0.5"), ("--hours", "nan")]
)
def test_an_option_that_cannot_be_is_named(option: str, value: str, capsys: pytest.CaptureFixture) -> None:
    """Nothing is run, and the error says what was expected."""
    assert main(["simulate", "pop-down", option, value]) == 2
    assert f"{option}: expected" in capsys.readouterr().err


def test_a_scenario_is_told_drawn_and_written(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """The table goes to the terminal, the picture and the data to files; places and people are credited."""
    picture, data = tmp_path / "a.svg", tmp_path / "a.json"
    asked = ["simulate", "pop-down", "--networks", "100", "--plot", str(picture), "--json", str(data)]
    assert main(asked) == 0
    told = capsys.readouterr().out
    assert "GeoNames" in told
    assert "static-geo" in told
    assert picture.read_text().startswith("<svg")
    assert data.read_text().startswith("{")
