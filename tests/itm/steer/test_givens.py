from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.errors import CollectorsError, GeoipError
from itm.config import Geoip
from itm.steer import givens as module
from itm.steer.givens import Givens
from itm.steer.placing import place_source
from itm.store import pins
from tests.itm.steer.station import FakePredictor, Station, bundle


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.at(tmp_path)


def test_a_catalog_goes_from_pending_to_live(station: Station) -> None:
    """The newest pending one is told; settled, it is the live one, with its plan kept."""
    givens = station.givens()
    assert givens.live_catalog() is None
    first, second = station.apply(bundle()), station.apply(bundle(("tokyo", "ams")))
    pending = givens.pending_catalog()
    assert pending is not None
    assert pending.version == second
    givens.make_live(second, {"class 0": {"moved_share": 0.1}})
    assert givens.pending_catalog() is None
    live = givens.live_catalog()
    assert live is not None
    assert ([p.id for p in live[0].pops], live[1]) == (["tokyo", "ams"], second)
    assert json.loads(station.version(second).plan_json) == {"class 0": {"moved_share": 0.1}}
    assert station.version(second).settled_at == station.clock.now
    assert station.version(first).status == "superseded"


def test_a_refused_catalog_keeps_the_reason_and_the_plan(station: Station) -> None:
    """What the operator reads who asked for it."""
    number = station.apply(bundle())
    station.givens().refuse(number, "too much", {"class 0": {}})
    got = station.version(number)
    assert (got.status, got.reason, got.plan_json) == ("refused", "too much", '{"class 0": {}}')
    assert station.givens().live_catalog() is None


def test_the_pin_is_told_while_it_holds(station: Station) -> None:
    """None, the version, None."""
    givens = station.givens()
    seen = [givens.pinned_map()]
    for version in (4, None):
        pins.set(station.engine, version, author="ops", now=1.0)
        seen.append(givens.pinned_map())
    assert seen == [None, 4, None]


def test_a_world_is_a_catalog_on_the_places(station: Station) -> None:
    """Its predictions stand in the state directory under its digest."""
    station.apply(bundle())
    givens = station.givens()
    givens.make_live(1, {})
    live = givens.live_catalog()
    assert live is not None
    world = givens.world(*live)
    assert world.catalog_version == 1
    assert world.places.digest == givens.places.digest
    assert world.predictions.shape == (3, 4, 4)
    assert world.rules_of_places(world.classes[0]).tolist() == [0, 0, 0, 0]
    kept = station.config.state_dir / "predictions" / f"predictions-{world.digest}.npy"
    assert kept.exists()


def test_replaced_places_are_noticed_once(station: Station) -> None:
    """A new edition is a change; a broken file is none, and the old table stays."""
    givens = station.givens()
    before = givens.places.digest
    assert not givens.places_changed()
    station.replace_places()
    assert givens.places_changed()
    assert givens.places.digest != before
    assert not givens.places_changed()
    Path(station.config.geoip.places).write_bytes(b"broken")
    assert not givens.places_changed()
    assert len(givens.places) == 4


def test_the_predictor_is_loaded_or_trained_once(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the configured training data, kept in the state directory."""
    asked: list[tuple[Path, Path]] = []

    def load_or_train(training: Path, artifact: Path, _continents: object) -> FakePredictor:
        asked.append((training, artifact))
        return FakePredictor("trained")

    monkeypatch.setattr(module, "load_or_train", load_or_train)
    givens = Givens(station.config, station.engine)
    assert [givens.predictor.digest for _ in range(2)] == ["trained"] * 2
    assert asked == [(Path(station.config.model.training), station.config.state_dir / "predictor.skops")]


def test_wrong_place_settings_are_named(station: Station, tmp_path: Path) -> None:
    """A missing table, and a City database without its ASN database."""
    with pytest.raises(CollectorsError, match=r"nowhere\.itm"):
        place_source(replace(station.config, geoip=Geoip(places=str(tmp_path / "nowhere.itm"))))
    with pytest.raises(GeoipError, match="both a City and an ASN"):
        place_source(replace(station.config, geoip=Geoip(city=("city.mmdb",))))


def test_givens_open_the_configured_store(station: Station) -> None:
    """The store of the settings, not one handed in."""
    station.apply(bundle())
    assert Givens.open(station.config).pending_catalog() is not None


def test_a_store_that_does_not_answer_is_no_news(station: Station) -> None:
    """The builder goes on with what it knows: nothing pending, and the pin it saw last."""
    givens = Givens(station.config, station.engine)
    pins.set(station.engine, 3, author="me", now=1.0)
    assert givens.pinned_map() == 3
    database = station.config.state_dir / "itm.db"
    station.engine.dispose()
    database.rename(database.with_suffix(".away"))
    database.mkdir()
    assert givens.pending_catalog() is None
    assert givens.pinned_map() == 3
