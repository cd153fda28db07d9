"""What the builder follows of rooms: loads and health, and when that makes a build urgent."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from collectors.feed.load import Load
from itm.config import Config
from itm.routemap.health import HealthWriter, State
from itm.steer import loads
from itm.steer.outlook import Outlook
from itm.steer.rooms import Rooms
from itm.steer.roomwatch import HASTE_SECONDS, RoomWatch
from tests.itm.steer.station import Clock
from tests.itm.steer.worlds import pop

POPS = (pop("a", 1, capacity=100.0), pop("b", 2, capacity=100.0))


def outlook(*load: float) -> Outlook:
    rooms = Rooms.of(POPS, {}, {}, 100.0)
    return Outlook(("a", "b"), rooms, np.array(load), np.array(load), np.ones(2), np.array(load))


def test_a_pop_that_goes_or_comes_back_presses(tmp_path: Path) -> None:
    """Only where POPs can be full, and not twice in a moment; drained is away, degraded is not."""
    clock = Clock()
    health = HealthWriter(tmp_path / "health.table", time.time)
    watch = RoomWatch(Config(state=str(tmp_path)), clock)
    watch.note(None, {})
    health.set({"a": State.DOWN})
    clock.now += HASTE_SECONDS
    assert not watch.is_pressing
    watch.note(outlook(50, 50), {})
    assert not watch.is_pressing
    clock.now += HASTE_SECONDS
    assert watch.is_pressing
    watch.note(outlook(0, 90), watch.states())
    clock.now += HASTE_SECONDS
    assert not watch.is_pressing
    health.set({"a": State.DEGRADED, "b": State.DRAINED})
    assert watch.is_pressing
    health.close()


def test_reports_are_read_as_the_edge_writes_them(tmp_path: Path) -> None:
    clock = Clock()
    watch = RoomWatch(Config(state=str(tmp_path)), clock)
    assert watch.loads() == {}
    loads.write(
        tmp_path / loads.FILE, [Load("a", "h", 10, 50, clock.now), Load("b", "h", 1, 5, clock.now - 100)]
    )
    assert {name: (one.sessions, one.capacity) for name, one in watch.loads().items()} == {"a": (10, 50)}


def test_too_full_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = RoomWatch(Config(state=str(tmp_path)), Clock())
    for load in ((50, 50), (97, 50), (97, 50)):
        watch.note(outlook(*load), {})
    assert caplog.text.count("capacity.exceeded") == 1
    watch.note(outlook(97, 120), {})
    assert caplog.text.count("capacity.exceeded") == 2
