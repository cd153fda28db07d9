from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete

from itm.errors import ItmError, SnapshotError
from itm.routemap.health import HealthWriter, State
from itm.steer import inputs as inputs_file
from itm.steer.explain import WhyQuestion
from itm.steer.explainer import Explainer
from itm.store.engine import writing
from itm.store.tables import catalog_versions
from tests.itm.steer.station import Station, bundle
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN

GW = "gw.example.net"


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.at(tmp_path)


@pytest.fixture
def explainer(station: Station) -> Explainer:
    """An explainer beside a builder that has published map 1."""
    station.apply(bundle())
    station.builder().step()
    return Explainer(station.config, station.engine)


def test_before_the_first_map_there_is_nothing_to_explain(station: Station) -> None:
    """Said so, not a bug."""
    with pytest.raises(ItmError, match="no map has been published yet"):
        Explainer(station.config, station.engine).explain(WhyQuestion(GW, JAPAN))


def test_the_live_map_is_explained_from_disk(explainer: Explainer) -> None:
    """A map built by another process: catalog from the store, inputs and predictions from files."""
    for address, pop in ((JAPAN, "tokyo"), (DUTCH, "ams"), (AMERICA, "ash"), ("2001:200::1", "tokyo")):
        story = explainer.explain(WhyQuestion(GW, address))
        assert (story["answer"]["pop"], story["map"]["version"]) == (pop, 1)
    assert "geoip" not in story


def test_health_is_that_of_now(station: Station, explainer: Explainer) -> None:
    """A POP that went down since the map was built is told so, with what is answered instead."""
    assert explainer.explain(WhyQuestion(GW, DUTCH))["answer"]["pop"] == "ams"
    writer = HealthWriter(station.config.state_dir / "health.table")
    writer.set({"ams": State.DOWN})
    story = explainer.explain(WhyQuestion(GW, DUTCH))
    writer.close()
    assert story["answer"]["pop"] == "ash"
    assert story["steps"][-1]["not_up"] == {"ams": "down"}


def test_a_new_map_is_explained_by_its_own_catalog(station: Station, explainer: Explainer) -> None:
    """The next question after a publication is answered from the new version."""
    assert explainer.explain(WhyQuestion(GW, JAPAN))["map"]["catalog_version"] == 1
    station.apply(bundle(bias={"ams": 3.0}))
    station.builder().step()
    story = explainer.explain(WhyQuestion(GW, JAPAN))
    assert (story["map"]["version"], story["map"]["catalog_version"]) == (2, 2)
    assert {p["pop"]: p["bias_ms"] for p in story["pops"]}["ams"] == 3.0


def test_a_resolver_locates_who_has_no_client(explainer: Explainer) -> None:
    """Without a client subnet the resolver's network decides, and no scope is told."""
    story = explainer.explain(WhyQuestion(GW, resolver=DUTCH))
    assert (story["located_by"], story["answer"]["pop"], story["answer"]["scope"]) == ("resolver", "ams", 0)


def test_what_is_missing_is_named(station: Station, explainer: Explainer) -> None:
    """Inputs, predictions, places and catalog version: each has its own words."""
    station.replace_places()
    with pytest.raises(ItmError, match="the place table was replaced"):
        explainer.explain(WhyQuestion(GW, JAPAN))
    with writing(station.engine) as connection:
        connection.execute(delete(catalog_versions))
    with pytest.raises(ItmError, match="catalog version 1 of this map is not in the store"):
        explainer.explain(WhyQuestion(GW, JAPAN))
    inputs_file.path_of(station.maps, 1).unlink()
    with pytest.raises(SnapshotError, match="the inputs of map 1 cannot be read"):
        explainer.explain(WhyQuestion(GW, JAPAN))


@pytest.mark.parametrize("left", [0, 50])
def test_damaged_predictions_are_named(station: Station, explainer: Explainer, left: int) -> None:
    """The file that cannot be used, whatever is left of it."""
    (kept,) = (station.config.state_dir / "predictions").iterdir()
    kept.write_bytes(kept.read_bytes()[:left])
    with pytest.raises(SnapshotError, match=kept.name):
        explainer.explain(WhyQuestion(GW, JAPAN))
