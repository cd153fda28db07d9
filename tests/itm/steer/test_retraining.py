"""A changed training table is tried by a child: the bad one changes nothing, the good one goes live."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.bus import InProcess
from itm.config import Config, Model
from itm.errors import ItmError
from itm.steer import trainer
from itm.steer.builder import Builder
from itm.steer.givens import Givens
from itm.steer.retraining import DAY_SECONDS, MOST_SECONDS, Retraining, Running
from itm.store import audit
from models.errors import ModelError
from models.training import NODES, PAIRS, TrainingTable
from tests.itm.steer.station import Station, bundle
from tests.itm.steer.worlds import cells, world
from tests.models.conftest import invent
from tests.models.test_train import write

NOTHING = cells()


class Child:
    """A trainer that has done its work, or never will."""

    def __init__(self, status: int | None = 0) -> None:
        self.status = status
        self.is_killed = False

    def poll(self) -> int | None:
        return self.status

    def kill(self) -> None:
        self.is_killed = True


@pytest.fixture
def station(tmp_path: Path) -> Station:
    made = Station.at(tmp_path)
    write(invent(detour=True), tmp_path / "training")
    made.config = replace(made.config, model=Model(training=str(tmp_path / "training"), retrain_days=7))
    return made


def again(station: Station, table: TrainingTable | None = None) -> None:
    """Give the settings' folder another table: a given one, or the same, measured again."""
    folder = Path(station.config.model.training)
    fresh = table or invent(detour=True)
    noise = np.random.default_rng(3).normal(1, 0.03, fresh.rtt_ms.shape)
    made = write(replace(fresh, rtt_ms=fresh.rtt_ms * noise), folder.with_name("again"))
    for name in (NODES, PAIRS):
        (made / name).replace(folder / name)
    made.rmdir()


def retraining(station: Station, start: Callable[[Config], Running]) -> Retraining:
    return Retraining(station.config, station.givens(), station.clock, start)


def last(station: Station) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((station.config.state_dir / "retrain" / "last.json").read_text())
    return found


def never(_: Config) -> Running:
    raise AssertionError("nothing is to be tried")


def test_an_unchanged_table_is_looked_at_every_so_many_days(station: Station) -> None:
    """And not tried; nor is anything with the schedule off."""
    one = retraining(station, never)
    assert not one.step(world(), NOTHING)
    first = last(station)
    assert (first["outcome"], first["looked_at"]) == ("unchanged", station.clock.now)
    station.clock.now += 7 * DAY_SECONDS - 1
    one.step(world(), NOTHING)
    assert last(station) == first
    station.clock.now += 1
    one.step(world(), NOTHING)
    assert last(station)["looked_at"] == station.clock.now
    station.config = replace(station.config, model=replace(station.config.model, retrain_days=0))
    again(station)
    retraining(station, never).step(world(), NOTHING)


def test_a_changed_table_is_tried_when_it_is_time(station: Station) -> None:
    """Once; a refusal stands in the audit with its reasons, and is not tried again before the next time."""
    tried: list[Config] = []

    def start(config: Config) -> Running:
        tried.append(config)
        files = config.state_dir / "retrain"
        assert (files / "live.itm").exists()
        assert gzip.decompress((files / "fresh" / PAIRS).read_bytes()).startswith(b"client,server")
        verdict = {"accepted": False, "reasons": ["held out: worse"], "held_out": {"cases": 9}, "live": None}
        (files / "verdict.json").write_text(json.dumps(verdict))
        return Child()

    one = retraining(station, start)
    station.givens()._training()  # what a builder keeps when it loads its predictor
    one.step(world(), NOTHING)
    again(station)
    one.step(world(), NOTHING)
    assert tried == []
    station.clock.now += 7 * DAY_SECONDS
    one.step(world(), NOTHING)
    assert len(tried) == 1
    assert not one.step(world(), NOTHING)
    told = last(station)
    assert (told["outcome"], told["reasons"]) == ("refused", ["held out: worse"])
    entry = audit.history(station.engine)[0]
    assert (entry.who, entry.action, entry.detail["reasons"]) == (
        "builder",
        "model.refused",
        ["held out: worse"],
    )
    one.step(world(), NOTHING)
    retraining(station, never).step(world(), NOTHING)  # restarted: that table was looked at


def test_a_table_that_changed_while_the_server_was_down_is_tried_at_once(station: Station) -> None:
    """It would have been trained with, untried."""
    retraining(station, never).step(world(), NOTHING)
    station.givens()._training()
    again(station)
    tried: list[Config] = []
    retraining(station, lambda config: tried.append(config) or Child(None)).step(world(), NOTHING)
    assert len(tried) == 1


@pytest.mark.parametrize("fault", ["status", "silent", "slow", "start", "table"])
def test_a_trainer_that_fails_changes_nothing(station: Station, fault: str) -> None:
    """It is told, and tried again when it is time."""
    child = Child({"status": 1, "slow": None}.get(fault, 0))

    def start(config: Config) -> Running:
        if fault == "start":
            raise OSError("no memory")
        if fault == "status":
            (config.state_dir / "retrain" / "verdict.json").write_text('{"accepted": true}')
        return child

    one = retraining(station, start)
    station.givens()._training()
    one.step(world(), NOTHING)
    again(station)
    if fault == "table":
        (Path(station.config.model.training) / NODES).write_text("damaged")
    station.clock.now += 7 * DAY_SECONDS
    for _ in range(3):
        assert not one.step(world(), NOTHING)
        station.clock.now += MOST_SECONDS
    assert last(station)["outcome"] == "failed"
    assert child.is_killed == (fault == "slow")
    assert not (station.config.state_dir / "predictor.skops").exists()


class TryingBuilder:
    """A builder whose trainer works in this process, at once."""

    def __init__(self, station: Station) -> None:
        self.station = station
        config = station.config
        self.givens = Givens(config, station.engine, station.clock)
        self.builder = Builder(config, self.givens, InProcess(), station.clock, self.start)

    def start(self, config: Config) -> Running:
        try:
            trainer.run(config)
        except (ItmError, ModelError):
            return Child(1)
        return Child()

    def wait(self, seconds: float) -> None:
        """Let time pass; then the trainer, its verdict and the build that may follow have a turn each."""
        self.station.clock.now += seconds
        for _ in range(3):
            self.builder.step()
            self.station.clock.now += 1


def test_a_bad_table_changes_nothing_and_a_good_one_goes_live(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a real builder, with real training: round trips dealt to others; then the same, measured again."""
    monkeypatch.setattr("itm.priority.yield_to_all", lambda: None)
    trying = TryingBuilder(station)
    station.apply(bundle(("tokyo", "ams", "ash")))
    trying.wait(0)
    artifact = station.config.state_dir / "predictor.skops"
    before, digest, live = artifact.read_bytes(), trying.givens.predictor.digest, station.live()
    table = invent(detour=True)
    order = np.random.default_rng(1).permutation(len(table))
    again(station, replace(table, rtt_ms=table.rtt_ms[np.ix_(order, order)]))
    trying.wait(7 * DAY_SECONDS)
    assert last(station)["outcome"] == "refused", last(station)
    assert (artifact.read_bytes(), trying.givens.predictor.digest, station.live()) == (before, digest, live)
    again(station)
    trying.wait(7 * DAY_SECONDS)
    told = last(station)
    assert (told["outcome"], told["reasons"]) == ("replaced", [])
    assert told["held_out"]["cases"] > 0
    assert trying.givens.predictor.digest != digest
    assert json.loads((station.config.state_dir / "drift.json").read_text())["predictions"] != ""
    plans = json.loads((station.config.state_dir / "builder.json").read_text())["plan"]
    assert all(plan["moved_share"] <= station.config.builder.max_moved_share for plan in plans.values())
    assert [entry.action for entry in audit.history(station.engine)[:2]] == [
        "model.replaced",
        "model.refused",
    ]
    restarted = Givens(station.config, station.engine, station.clock)
    assert restarted.predictor.trained_at == trying.givens.predictor.trained_at  # loaded, not trained anew
