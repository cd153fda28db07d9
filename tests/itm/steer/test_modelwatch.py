"""The builder judges its predictor by what places measured, and tells when that changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from itm.steer.evidence import Evidence
from itm.steer.modelwatch import LOOK_SECONDS, ModelWatch, judged, live_of
from itm.steer.world import World
from tests.itm.steer.station import Clock, Station, bundle
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, cells, world

POPS = tuple(P50)
ROWS = [
    (JAPAN, "place", "tokyo", 25.0, 30.0, 9),
    (JAPAN, "place", "osaka", 32.0, 30.0, 9),
    (DUTCH, "place", "ams", 26.0, 30.0, 9),
    (AMERICA, "place", "ash", 26.0, 30.0, 9),
    (AMERICA, "place", "ams", 106.0, 30.0, 7),  # of too few networks
]


def crowded(slow_ms: float = 0.0) -> tuple[World, Evidence]:
    """Forty more Dutch places, each in an AS of its own, that measured two POPs, one by so much slower."""
    one = world()
    count = 40
    table = replace(
        one.places,
        country=np.append(one.places.country, np.full(count, 2, np.uint16)),
        lat=np.append(one.places.lat, np.full(count, 52.4, np.float32)),
        lon=np.append(one.places.lon, np.full(count, 4.9, np.float32)),
        cell=np.append(one.places.cell, np.full(count, 2, np.uint32)),
        asn=np.append(one.places.asn, np.arange(50_000, 50_000 + count, dtype=np.uint32)),
        key=np.append(one.places.key, one.places.key.max() + np.arange(1, count + 1, dtype=np.uint64)),
        weight=np.append(one.places.weight, np.ones(count, np.float32)),
    )
    pairs = (("ams", 26.0 + slow_ms), ("ash", 104.0))
    made = cells(*((DUTCH, "place", name, ms, 30.0, 9) for _ in range(count) for name, ms in pairs))
    made = replace(made, key=np.repeat(table.key[-count:], 2))
    return replace(one, places=table), Evidence.of(made, POPS)


def test_places_count_that_measured_two_pops(tmp_path: Path) -> None:
    """By enough networks each; with what was predicted for their cell."""
    live, place = live_of(world(), Evidence.of(cells(*ROWS), POPS))
    assert place.tolist() == [1]
    assert live.rtt_ms[0, :2].tolist() == [25, 32]
    assert not np.isfinite(live.rtt_ms[0, 2:]).any()
    assert live.said[1, 0].tolist() == [5, 12, 240, 160]
    assert live.group.tolist() == [2501]
    assert judged(world(), Evidence.nothing(4)).verdict == "too few"


def test_a_verdict_is_written_and_a_new_one_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every ten minutes, and at once for another prediction."""
    caplog.set_level("INFO")
    clock = Clock()
    watch = ModelWatch(tmp_path, clock)
    watch.look(*crowded())
    first = json.loads((tmp_path / "drift.json").read_text())
    assert (first["verdict"], first["places"], first["made_at"]) == ("sound", 40, clock.now)
    clock.now += LOOK_SECONDS - 1
    watch.look(*crowded(200.0))
    assert json.loads((tmp_path / "drift.json").read_text()) == first
    clock.now += 1
    for _ in range(2):
        watch.look(*crowded(200.0))
        clock.now += LOOK_SECONDS
    assert json.loads((tmp_path / "drift.json").read_text())["verdict"] == "drifted"
    one, evidence = crowded()
    clock.now -= LOOK_SECONDS - 1
    watch.look(replace(one, digest="another"), evidence)
    assert json.loads((tmp_path / "drift.json").read_text())["verdict"] == "sound"
    assert [record.getMessage() for record in caplog.records] == ["model.drifted", "model.sound"]


def test_a_disk_that_refuses_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The build goes on."""
    ModelWatch(tmp_path / "gone", Clock()).look(*crowded())
    assert "drift.unwritten" in caplog.text


def test_a_builder_judges_its_predictor(tmp_path: Path) -> None:
    """With its first map already."""
    station = Station.at(tmp_path)
    station.apply(bundle())
    station.turn(station.builder())
    assert json.loads((station.config.state_dir / "drift.json").read_text())["verdict"] == "too few"
