from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors.bus import Ack, InProcess, Mark
from collectors.delta import Delta, parse
from itm.collector import CollectorProcess, Report
from itm.steer.builder import Builder
from itm.store import catalogs
from itm.store.engine import StoreError
from tests.itm.steer.station import Station, bundle
from tests.itm.steer.worlds import JAPAN


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.at(tmp_path)


def turned(process: CollectorProcess, bus: InProcess) -> list[Delta]:
    """Let it turn; answer its question, and return the deltas that it made."""
    found = []
    for _ in range(3):
        process.step()
        while (message := bus.receive()) is not None:
            delta = parse(message)
            if delta.sequence == 0:
                bus.ack(Ack("local", Mark(), 0))
            else:
                found.append(delta)
    return found


def live(station: Station, **more: object) -> None:
    """Have a catalog settled as the builder settles it."""
    number = station.apply(bundle(**more))  # type: ignore[arg-type]
    catalogs.settle(station.engine, number, "live", "{}", now=station.clock.now)


def test_without_a_catalog_the_journal_waits(station: Station) -> None:
    """Nobody knows yet which POPs there are."""
    bus = InProcess()
    process = CollectorProcess(station.config, station.engine, bus, station.clock)
    station.measure(JAPAN, tokyo=140.0)
    assert turned(process, bus) == []
    live(station)
    (delta,) = turned(process, bus)
    assert (delta.collector, delta.gathered.counted) == ("local", 24)


def test_a_pop_is_known_as_soon_as_it_is_live(station: Station) -> None:
    """The catalog is looked at after the journal was read."""
    bus = InProcess()
    process = CollectorProcess(station.config, station.engine, bus, station.clock)
    live(station, pops=("osaka",))
    station.measure(JAPAN, osaka=13.0)
    assert len(turned(process, bus)) == 1
    live(station)
    station.measure(JAPAN, tokyo=140.0)
    (delta,) = turned(process, bus)
    assert delta.refused == {}


def test_while_the_store_is_away_the_last_catalog_holds(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measurements go on."""
    bus = InProcess()
    process = CollectorProcess(station.config, station.engine, bus, station.clock)
    live(station)
    station.measure(JAPAN, tokyo=140.0)
    turned(process, bus)

    def away(_: object) -> None:
        raise StoreError("away")

    monkeypatch.setattr(catalogs, "live", away)
    station.measure(JAPAN, tokyo=140.0)
    (delta,) = turned(process, bus)
    assert (delta.sequence, delta.refused) == (2, {})


def test_what_lasts_is_told_once(
    station: Station, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that is away and a disk that is full hold nothing up; a second time is news again."""
    bus = InProcess()
    process = CollectorProcess(station.config, station.engine, bus, station.clock)
    live(station)
    station.measure(JAPAN, tokyo=140.0)
    assert len(turned(process, bus)) == 1

    def away(_: object) -> None:
        raise StoreError("away")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(catalogs, "live", away)
            patched.setattr(Report, "write", full)
            for _ in range(3):
                station.measure(JAPAN, tokyo=140.0)
                assert len(turned(process, bus)) == 1
        station.measure(JAPAN, tokyo=140.0)
        turned(process, bus)
    assert caplog.messages == ["store.unread", "report.unwritten"] * 2


def test_it_reports_and_prunes(station: Station) -> None:
    """What it made and what is not durable stands in a file; journal that is read and old goes."""
    bus = InProcess()
    process = CollectorProcess(station.config, station.engine, bus, station.clock)
    live(station)
    station.measure(JAPAN, tokyo=140.0)
    turned(process, bus)
    report = json.loads((station.config.state_dir / "collector.json").read_text())
    assert report["made"] == report["waiting"] == 1
    assert report["waiting_bytes"] > 0
    station.measure(JAPAN, tokyo=140.0)
    turned(process, bus)
    station.clock.now += 1e10
    turned(process, bus)
    assert len(list((station.config.state_dir / "journal").iterdir())) == 1


def test_a_damaged_standing_is_told(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    """And the builder's word is what it goes on from."""
    folder = station.config.state_dir / "collector"
    folder.mkdir()
    (folder / "standing").write_bytes(b"rubbish")
    CollectorProcess(station.config, station.engine, InProcess(), station.clock)
    assert "standing.unusable" in caplog.messages


def test_the_builder_counts_what_it_made(station: Station) -> None:
    """Both ends of the bus, in one process."""
    station.apply(bundle())
    builder: Builder = station.builder()
    builder.step()
    station.measure(JAPAN, tokyo=140.0, osaka=13.0)
    station.turn(builder, 3)
    assert station.answer(JAPAN) == "osaka"
