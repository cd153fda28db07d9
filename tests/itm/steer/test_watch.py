"""What is measured since a canary began: counted once, whatever a crash leaves of the two files."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.aggregate import Aggregates
from tests.itm.steer.station import Station
from tests.itm.steer.test_learner import WORLD, Learning
from tests.itm.steer.worlds import JAPAN


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.at(tmp_path)


def count(found: Aggregates) -> float:
    return round(float(found.n[found.rung == 0].sum()), 3)


def test_only_what_comes_after_the_start_is_in_it(station: Station) -> None:
    """24 samples before, 24 after; the windows of always have all, `before` those of the start."""
    one, folder = Learning(station), station.config.state_dir / "watch"
    station.measure(JAPAN, tokyo=10.0)
    one.collect(WORLD)
    one.evidence(WORLD)
    watch = one.begin_watch(folder, station.config.collect)
    station.measure(JAPAN, tokyo=20.0)
    one.collect(WORLD)
    one.evidence(WORLD)
    assert (count(watch.before), count(watch.now(station.clock)), count(one.aggregates)) == (24, 24, 48)


@pytest.mark.parametrize("windows_too", [True, False])
def test_a_crash_between_the_two_files_counts_nothing_twice(station: Station, windows_too: bool) -> None:
    """The watch is written first: what the windows must hear again, it has already."""
    one, folder, collect = Learning(station), station.config.state_dir / "watch", station.config.collect
    one.collect(WORLD)
    one.checkpoint()
    watch = one.begin_watch(folder, collect)
    station.measure(JAPAN, tokyo=20.0)
    one.collect(WORLD)
    if windows_too:
        one.checkpoint()
    else:
        watch.checkpoint()
    again = Learning(station)
    restored = again.restored_watch(folder, collect)
    again.collect(WORLD)
    again.evidence(WORLD)
    assert restored is not None
    assert (count(restored.now(station.clock)), count(again.aggregates)) == (24, 24)
