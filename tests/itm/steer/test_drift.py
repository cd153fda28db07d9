from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors.aggregate import Aggregates
from collectors.ladder import RUNGS
from collectors.places import code_of
from itm.steer.drift import Drift, DriftWatch
from tests.itm.steer.worlds import JAPAN, cells

DAY = 86_400.0
START = 19_000
PLACES = 9


def day_of(number: int, values: dict[str, list[float]], distinct: int = 9) -> Aggregates:
    """Return what the windows say on a day: the median votes of nine places per POP."""
    rows = cells(*[(JAPAN, "place", pop, value, 9.0, distinct) for pop, of in values.items() for value in of])
    key = np.array([(code_of("JP") << 17 | 1 + i % PLACES) << 32 | 2516 for i in range(len(rows))], np.uint64)
    assert set(rows.rung.tolist()) == {RUNGS.index("place")}
    return replace(rows, key=key, vote_rtt=rows.p25, made_at=(START + number) * DAY)


def noisy(rng: np.random.Generator, level: float) -> list[float]:
    return [float(level * rng.lognormal(0, 0.02)) for _ in range(PLACES)]


def test_a_slow_liar_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Three per cent a day for a fortnight: no step is large; told before a quarter has been gained."""
    rng, watch = np.random.default_rng(0), DriftWatch(tmp_path / "baselines")
    for day in range(14):
        assert watch.look(day_of(day, {"tokyo": noisy(rng, 50.0), "ams": noisy(rng, 250.0)})) == ()
    told: dict[int, tuple[Drift, ...]] = {}
    with caplog.at_level(logging.WARNING):
        for day in range(14, 28):
            values = {"tokyo": noisy(rng, 50.0), "ams": noisy(rng, 250.0)}
            values["ams"][4] *= 0.97 ** (day - 13)
            told[day] = watch.look(day_of(day, values))
    first = min(day for day, drifts in told.items() if drifts)
    assert 0.97 ** (first - 13) > 0.78
    assert all(drifts for day, drifts in told.items() if day > first + 1)
    assert {(one.place, one.pop) for drifts in told.values() for one in drifts} == {
        ("JP, AS2516, square 5", "ams")
    }
    last = told[27][0]
    assert (last.usual_ms, last.now_ms) == (pytest.approx(205, rel=0.06), pytest.approx(163, rel=0.06))
    assert [record.message for record in caplog.records] == ["drift.alarm"]


def test_what_a_pop_does_to_everybody_is_no_drift(tmp_path: Path) -> None:
    """A POP that moved to another provider is slower for all its places: nobody lies."""
    rng, watch = np.random.default_rng(1), DriftWatch(tmp_path / "baselines")
    for day in range(10):
        watch.look(day_of(day, {"tokyo": noisy(rng, 50.0)}))
    assert watch.look(day_of(10, {"tokyo": noisy(rng, 80.0)})) == ()


def test_few_voters_are_not_watched_and_small_steps_not_told(tmp_path: Path) -> None:
    """Fewer than five networks teach no baseline; 5 ms of a short path are no alarm, whatever their share."""
    few, near = DriftWatch(tmp_path / "few"), DriftWatch(tmp_path / "near")
    for day in range(10):
        few.look(day_of(day, {"tokyo": [50.0] * PLACES}, distinct=4))
        near.look(day_of(day, {"osaka": [9.0] * PLACES}))
    assert few.look(day_of(10, {"tokyo": [*[50.0] * 8, 20.0]})) == ()
    assert near.look(day_of(10, {"osaka": [*[9.0] * 8, 13.9]})) == ()
    assert len(near.look(day_of(10, {"osaka": [*[9.0] * 8, 14.6]}))) == 1


def test_baselines_survive_a_restart_and_damage_begins_them_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is usual is on disk after each day; a file that cannot be read is told."""
    path = tmp_path / "baselines"
    watch = DriftWatch(path)
    for day in range(10):
        watch.look(day_of(day, {"tokyo": [50.0] * PLACES}))
    crept = day_of(10, {"tokyo": [*[50.0] * 8, 30.0]})
    assert len(DriftWatch(path).look(crept)) == 1
    path.write_bytes(b"damaged")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert DriftWatch(path).look(crept) == ()
    assert caplog.records[0].message == "baselines.unusable"
