"""The last day, decided again by the state directory alone, which stays as it is."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors import arrays
from collectors.network import Network
from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog
from itm.config import Builder as BuilderSettings
from itm.errors import ItmError
from itm.routemap.querycounts import HOUR_SECONDS, QueryCounts, pack
from itm.steer.lastday import LastDay
from itm.steer.querylog import HOURS
from itm.steer.replay import Replay, replay
from tests.itm.steer.station import FakePredictor, Station, bundle
from tests.itm.steer.worlds import DUTCH, JAPAN

EVENING = {JAPAN: 90_000, DUTCH: 10_000}
NIGHT = {DUTCH: 4_000_000}


def asked(station: Station, hour: int, queries: dict[str, int]) -> None:
    """Write down an hour of queries that named their client."""
    key = np.array([Network.of(a).family << 60 | Network.of(a).unit for a in queries], dtype=np.uint64)
    order = np.argsort(key)
    counts = QueryCounts(
        hour,
        ("gw.example.net.",),
        np.zeros(len(key), np.uint16),
        key[order],
        np.ones(len(key), np.bool_),
        np.array(list(queries.values()), dtype=np.uint32)[order],
    )
    folder = station.config.state_dir / "queries"
    folder.mkdir(exist_ok=True)
    arrays.write(folder / f"{hour}{HOURS}", pack(counts))


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """A server that has had a day: one Japanese network is better off with Osaka, two hours had queries."""
    station = Station.at(tmp_path)
    station.apply(bundle())
    builder = station.builder()
    builder.step()
    station.measure(JAPAN, tokyo=140.0, osaka=13.0)
    station.turn(builder, 3)
    builder.close()
    hour = int(station.clock.now // HOUR_SECONDS)
    asked(station, hour - 1, EVENING)
    asked(station, hour, NIGHT)
    os.utime(station.config.state_dir / "windows.ckpt", (station.clock.now,) * 2)
    return station


def replayed(station: Station, aside: Path, catalog: Catalog | None, digest: str = "fake") -> Replay:
    day = LastDay(station.config, aside)
    world = day.changed(catalog, FakePredictor(digest))  # type: ignore[arg-type]
    return replay(day.reading(day.live), day.reading(world), day.hours(), day.room(world), 5)


def test_nothing_changed_is_no_difference(station: Station, tmp_path: Path) -> None:
    """The live catalog by the kept prediction: what is served comes out, also of measured networks."""
    found = replayed(station, tmp_path / "aside", None)
    (one,) = found.classes
    assert (one.moved_share, one.prefixes) == (0, 0)
    assert one.load["osaka"] > 0
    assert [hour.load for hour in found.hours] == [hour.load_before for hour in found.hours]


def test_a_changed_catalog_is_told_over_the_day_and_by_the_hour(station: Station, tmp_path: Path) -> None:
    """Without Amsterdam the Dutch lose 78 ms; at night, when they ask, Washington has nearly everybody."""
    catalog = load_bundle(bundle(("tokyo", "osaka", "ash")))
    found = replayed(station, tmp_path / "aside", catalog)
    (one,) = found.classes
    assert one.countries.lost[0].of == "NL"
    assert one.countries.lost[0].lost_ms == pytest.approx(78)
    assert (one.load["ams"], one.latency["p99"]) == (0, pytest.approx(84))
    evening, night = found.hours
    assert (evening.queries, night.queries) == (100_000, 4_000_000)
    assert night.start - evening.start == 3600
    assert night.load["ash"] == pytest.approx(night.load_before["ams"] + night.load_before["ash"], abs=1e-5)
    assert night.load["ash"] > evening.load["ash"] + 0.05


def test_loads_stand_beside_capacities(station: Station, tmp_path: Path) -> None:
    """With sessions known, hours with more queries have more of them, and POPs may be too full."""
    text = bundle()["catalog.yaml"].replace("city: ams,", "city: ams, capacity: 300,")
    planned = replace(station.config, builder=BuilderSettings(planned_sessions=1000.0))
    station.config = planned
    found = replayed(station, tmp_path / "aside", load_bundle({**bundle(), "catalog.yaml": text}))
    evening, night = found.hours
    assert (evening.sessions, night.sessions) == (25.0, 1000.0)
    assert night.full_before == ("ams",)
    assert evening.full == evening.full_before == ()
    assert night.load["ams"] < night.load_before["ams"]  # capacity steers the rest elsewhere


def test_another_predictor_is_another_world(station: Station, tmp_path: Path) -> None:
    """It predicts anew, aside; measured networks move as their measurements allow."""
    before = sorted((station.config.state_dir / "predictions").iterdir())
    found = replayed(station, tmp_path / "aside", None, "other")
    assert found.classes[0].moved_share == 0  # it says the same
    assert sorted((station.config.state_dir / "predictions").iterdir()) == before
    assert len(list((tmp_path / "aside" / "predictions").iterdir())) == 1


def test_the_state_directory_stays_as_it_is(station: Station, tmp_path: Path) -> None:
    """Every file has the bytes and the time it had; the database's own bookkeeping aside."""

    def files() -> dict[str, tuple[float, int]]:
        found = (p for p in station.config.state_dir.rglob("*") if p.is_file() and "itm.db" not in p.name)
        return {str(p): (p.stat().st_mtime, p.stat().st_size) for p in found}

    asked(
        station, int(station.clock.now // HOUR_SECONDS) - 40, EVENING
    )  # an hour that a builder would forget
    before = files()
    replayed(station, tmp_path / "aside", load_bundle(bundle(bias={"ams": 90.0})))
    assert files() == before


def test_what_is_missing_is_named(station: Station, tmp_path: Path) -> None:
    """Measurements, then the map."""
    (station.config.state_dir / "maps" / "current").unlink()
    for path in station.maps.glob("*.map"):
        path.unlink()
    with pytest.raises(ItmError, match="no map was published"):
        LastDay(station.config, tmp_path / "a")
    (station.config.state_dir / "windows.ckpt").unlink()
    with pytest.raises(ItmError, match=r"windows\.ckpt: what was measured cannot be read"):
        LastDay(station.config, tmp_path / "b")
