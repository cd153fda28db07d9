from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from itm.steer.explain import WhyQuestion
from itm.steer.explainer import Explainer
from itm.steer.moves import RETURN_SECONDS
from tests.itm.steer.own.packages import install
from tests.itm.steer.station import Station, bundle
from tests.itm.steer.worlds import DUTCH

FORCED_UP = "  gw.example.net.: {steer: [up, allowed, fastest, 'own:%s', sticky]}"


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    install(tmp_path, monkeypatch, bad=True)
    one = Station.at(tmp_path)
    one.config = replace(one.config, builder=replace(one.config.builder, own_step_seconds=5.0))
    yield one
    one.engine.dispose()


def own_steps(station: Station) -> list[dict[str, Any]]:
    report = json.loads((station.config.state_dir / "builder.json").read_text())
    return [{k: v for k, v in one.items() if k != "seconds"} for one in report["own_steps"]]


def note(station: Station) -> str:
    story = Explainer(station.config, station.engine).explain(WhyQuestion("gw.example.net", DUTCH))
    return next(str(step["note"]) for step in story["steps"] if step["step"].startswith("own:"))


@pytest.mark.parametrize(("step", "fault"), [("raises", "no such shift"), ("nobody", "no package offers")])
def test_a_catalog_whose_step_does_not_run_is_refused(station: Station, step: str, fault: str) -> None:
    """Whatever force is used: it is tried over all rows of the present world, and what is served stays."""
    station.apply(bundle())
    builder = station.builder()
    builder.step()
    number = station.apply(bundle(services=FORCED_UP % step), forced=True)
    builder.step()
    version = station.version(number)
    assert version.status == "refused"
    assert f"the step own:{step} did not run over all rows: " in str(version.reason)
    assert fault in str(version.reason)
    assert station.answer(DUTCH) == "ams"


def test_a_step_that_fails_later_is_left_out_and_told(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    """It decides while it runs; when it fails builds go on without it, until it runs again."""
    caplog.set_level("INFO")
    station.apply(bundle(services=FORCED_UP % "moody"))
    builder = station.builder()
    builder.step()
    assert station.answer(DUTCH) == "ash"
    assert own_steps(station) == [{"step": "own:moody", "fault": "", "rows": 4}]
    assert note(station) == "ams +200 ms"
    broken = Path(station.config.state).parent / "bad_steps.py.broken"
    broken.touch()
    station.turn(builder, 3)
    assert station.answer(DUTCH) == "ams"
    fault = "OSError: the price list is gone"
    assert own_steps(station) == [{"step": "own:moody", "fault": fault, "rows": 0}]
    assert note(station) == f"as if it were not there: {fault}"
    broken.unlink()
    station.clock.now += RETURN_SECONDS
    station.turn(builder, 3)
    assert station.answer(DUTCH) == "ash"
    told = [r.message for r in caplog.records if r.message.startswith("own_step.")]
    assert told == ["own_step.failed", "own_step.runs"]


def test_a_canary_of_a_step_that_does_not_run_never_begins(station: Station) -> None:
    """The slice is spared what all would be."""
    station.apply(bundle())
    builder = station.builder()
    builder.step()
    number = station.apply(bundle(services=FORCED_UP % "raises"), canary_share=0.5)
    builder.step()
    assert station.version(number).status == "refused"
    assert "no such shift" in str(station.version(number).reason)
    assert station.answer(DUTCH) == "ams"
