"""What a catalog would do, asked of the builder: the whole Plan, and nothing else happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from itm.steer.kept import difference
from itm.store import plans
from tests.itm.steer.station import Station, bundle
from tests.itm.steer.worlds import JAPAN


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station.at(tmp_path)


def answered(station: Station, files: dict[str, str], *, live: bool = True) -> tuple[Any, str]:
    """Ask a builder that has the whole world live."""
    builder = station.builder()
    if live:
        station.apply(bundle())
        builder.step()
    number = plans.ask(station.engine, files, author="ops", now=1.0)
    builder.step()
    found = plans.get(station.engine, number)
    assert found is not None
    return found.answer, found.reason


def test_a_harmful_catalog_is_told_and_nothing_changes(station: Station) -> None:
    """Without Tokyo a third of demand loses 7 ms; apply would refuse it; map and catalog stay."""
    found, reason = answered(station, bundle(("osaka", "ams", "ash")))
    assert reason == ""
    assert "33.3% of demand would change its POP (limit 30%" in found["unsafe"]
    (one,) = found["classes"]
    assert one["plan"]["moved_share"] == pytest.approx(1 / 3)
    assert one["difference"]["lost_ms"] == pytest.approx(7 / 3, rel=1e-3)
    assert (station.live(), station.version(1).status, station.answer(JAPAN)) == (1, "live", "tokyo")


def test_a_harmless_catalog_would_go_live(station: Station) -> None:
    """A bias of a millisecond moves nobody: only where nobody is, blocks take another neighbour's POP."""
    found, _ = answered(station, bundle(bias={"ams": 1.0}))
    (one,) = found["classes"]
    assert (found["unsafe"], one["plan"]["moved_share"], one["difference"]["moved_share"]) == ("", 0, 0)


def test_a_renamed_service_is_told_and_needs_force(station: Station) -> None:
    """Nobody is sent elsewhere, and nobody who asks for the old name gets an answer any more."""
    files = bundle(services="  other.example.net.: {}")
    found, _ = answered(station, files)
    reason = "gw.example.net.: answered now, and would be removed; --force does it"
    assert (found["unsafe"], found["removed"]) == (reason, ["gw.example.net."])
    builder = station.builder()
    for forced, status, told in ((False, "refused", reason), (True, "live", "removed: gw.example.net.")):
        number = station.apply(files, forced=forced)
        builder.step()
        assert (station.version(number).status, station.version(number).reason) == (status, told)
    assert difference(station.config, 1, 2)["removed"] == ["gw.example.net."]


def test_a_catalog_that_does_not_load_is_told(station: Station) -> None:
    """One that an earlier release took."""
    found, reason = answered(station, {"catalog.yaml": "pops: {}\n"})
    assert found is None
    assert "expected at least one POP" in reason


def test_without_a_readable_map_there_is_nothing_to_compare(station: Station) -> None:
    """The question is answered all the same."""
    station.apply(bundle())
    station.builder().step()
    (station.maps / "0000000001.map").write_bytes(b"damaged")
    builder = station.builder()
    number = plans.ask(station.engine, bundle(), author="ops", now=1.0)
    builder.step()
    found = plans.get(station.engine, number)
    assert found is not None
    assert found.reason == "no map is served to compare with"
