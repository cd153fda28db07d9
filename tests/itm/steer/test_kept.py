"""Kept maps are compared in the worlds they were made in, as far as those can be made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from itm.errors import ItmError, SnapshotError
from itm.steer import inputs as inputs_file
from itm.steer.kept import difference
from tests.itm.steer.station import Station, bundle


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """A server that has published two maps: with Tokyo, and without."""
    station = Station.at(tmp_path)
    builder = station.builder()
    for files in (bundle(), bundle(("osaka", "ams", "ash"))):
        station.apply(files, forced=True)
        builder.step()
    return station


def test_two_kept_maps(station: Station) -> None:
    """Japan loses Tokyo, which the older catalog prices; only so many lines are told."""
    got = difference(station.config, 1, 2, top=1)
    assert (got["old"], got["new"]) == (1, 2)
    (one,) = got["classes"]
    assert one["moved_share"] == pytest.approx(1 / 3)
    assert one["lost_ms"] == pytest.approx(7 / 3)
    assert [part["of"] for part in one["countries"]["lost"]] == ["JP"]
    assert len(one["flips"]) == 1


def test_the_other_way_round(station: Station) -> None:
    """What going back would give."""
    (one,) = difference(station.config, 2, 1)["classes"]
    assert (one["gained_ms"], one["lost_ms"]) == (pytest.approx(7 / 3), 0)


def test_without_the_older_inputs_its_pops_have_no_price(station: Station) -> None:
    """The maps alone say who moves."""
    inputs_file.path_of(station.maps, 1).unlink()
    (one,) = difference(station.config, 1, 2)["classes"]
    assert (one["lost_ms"], one["unpriced_share"]) == (0, pytest.approx(1 / 3))


def test_without_the_newer_inputs_there_is_no_answer(station: Station) -> None:
    """Rows and prices are the newer map's."""
    inputs_file.path_of(station.maps, 2).unlink()
    with pytest.raises(SnapshotError, match="the inputs of map 2 cannot be read"):
        difference(station.config, 1, 2)
    with pytest.raises(ItmError, match=r"0000000009\.map"):
        difference(station.config, 9, 2)
