from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from itm.__main__ import main
from itm.cli import step
from tests.itm.steer.own.packages import install
from tests.itm.steer.station import FakeGivens, Station, bundle


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Settings that name a state directory with a live map, and packages with steps."""
    install(tmp_path, monkeypatch, bad=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(step, "Givens", FakeGivens)
    station = Station.at(tmp_path)
    station.apply(bundle())
    station.builder().step()
    station.engine.dispose()
    places = station.config.geoip.places
    return ["--set", f"state={station.config.state}", "--set", f"geoip.places={places}"]


def test_installed_steps_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the function and the package, none of it imported."""
    install(tmp_path, monkeypatch)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["step", "list"]) == 0
    assert "at-home           example_steps:at_home           example_steps" in capsys.readouterr().out


def test_a_trial_shows_what_a_step_would_change(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Of each POP and of demand, before any catalog names it; nothing is published."""
    assert main(["step", "test", "moody", *words]) == 0
    out = capsys.readouterr().out
    assert "gw.example.net. with the chain up allowed available fastest own:moody capacity sticky" in out
    assert "own:moody ran over 4 rows" in out
    assert "and changed 4; 33.3% of demand would go elsewhere." in out
    assert "ams    +200 in 4       -           33.3% -> 0.0%\n" in out
    assert main(["step", "test", "own:moody", "--service", "GW.example.net", "--json", *words]) == 0
    trial = json.loads(capsys.readouterr().out)
    assert (trial["changed"], trial["pops"][2]["mean_ms"]) == (4, 200.0)


def test_what_a_step_does_wrong_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stderr, status 2; so is a service that does not exist, and a server without a map."""
    assert main(["step", "test", "raises", *words]) == 2
    assert capsys.readouterr().err == "itm: own:raises: ValueError: no such shift\n"
    assert main(["step", "test", "moody", "--service", "other.example.net", *words]) == 2
    assert "--service: no service other.example.net. (known: gw.example.net.)" in capsys.readouterr().err
    (Path(words[1].partition("=")[2]) / "maps" / "current").unlink()
    assert main(["step", "test", "moody", *words]) == 2
    assert "no map is live" in capsys.readouterr().err
    assert os.environ["PYTHONPATH"]
