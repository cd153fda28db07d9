"""Which table is used, when it is made anew, and what happens while it cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors import geoip, places
from collectors.errors import CollectorsError, GeoipError
from collectors.network import Network
from collectors.placesource import PlaceSource
from tests.collectors.databases import CITY, LONDON, OSAKA, write_asn, write_city
from tests.collectors.test_places import small_table


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def files(tmp_path: Path) -> Path:
    places.save(small_table(), tmp_path / "bundled.itm")
    write_city(tmp_path / "city.mmdb")
    write_asn(tmp_path / "asn.mmdb")
    return tmp_path


def own(files: Path, clock: Clock) -> PlaceSource:
    return PlaceSource(
        files / "bundled.itm", files / "cache", [files / "city.mmdb"], files / "asn.mmdb", clock=clock
    )


def country(source: PlaceSource, network: str) -> str:
    return source.table.countries[source.table.country[source.table.place_of(Network.of(network))]]


def touch(path: Path, seconds: int) -> None:
    os.utime(path, ns=(seconds * 10**9, seconds * 10**9))


def test_the_bundled_table_is_the_default(files: Path) -> None:
    """No cache is made for it."""
    source = PlaceSource(files / "bundled.itm", files / "cache")
    assert source.table.digest == small_table().digest
    assert not (files / "cache").exists()


def test_the_operators_databases_replace_it(files: Path) -> None:
    """Compacted once; the next start finds the result and does not read the databases."""
    assert country(own(files, Clock()), "1.0.4.1") == "GB"
    asn = files / "asn.mmdb"
    times = asn.stat()
    asn.write_bytes(b"x" * times.st_size)
    os.utime(asn, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert country(own(files, Clock()), "1.0.4.1") == "GB"


def test_a_damaged_cache_is_made_anew(files: Path) -> None:
    """A crash or another version of the format costs time, no more."""
    own(files, Clock())
    (kept,) = (files / "cache").iterdir()
    kept.write_bytes(b"damaged")
    assert country(own(files, Clock()), "1.0.4.1") == "GB"
    assert places.load(kept).digest == geoip.compact([files / "city.mmdb"], files / "asn.mmdb").digest


def test_a_replaced_database_makes_a_new_table_in_time(files: Path) -> None:
    """Not before the check is due; the cache keeps the newest only."""
    clock = Clock()
    source = own(files, clock)
    write_city(files / "city.mmdb", CITY | {"1.0.4.0/22": OSAKA})
    touch(files / "city.mmdb", 5)
    clock.now = 59.0
    assert not source.refresh()
    clock.now = 60.0
    assert source.refresh()
    assert country(source, "1.0.4.1") == "JP"
    assert len(list((files / "cache").iterdir())) == 1
    clock.now = 120.0
    assert not source.refresh()


def test_the_bundled_file_is_watched_too(files: Path) -> None:
    """A new edition is a new file."""
    clock = Clock()
    source = PlaceSource(files / "bundled.itm", files / "cache", clock=clock)
    places.save(geoip.compact([files / "city.mmdb"], files / "asn.mmdb"), files / "bundled.itm")
    touch(files / "bundled.itm", 5)
    clock.now = 60.0
    assert source.refresh()
    assert country(source, "1.0.4.1") == "GB"


def test_while_new_files_cannot_be_used_the_old_table_stays(files: Path) -> None:
    """A half-written database, a missing one; then a whole one."""
    clock = Clock()
    source = own(files, clock)
    (files / "city.mmdb").write_bytes(b"half")
    clock.now = 60.0
    assert not source.refresh()
    assert "city.mmdb" in source.error
    (files / "city.mmdb").unlink()
    clock.now = 120.0
    assert not source.refresh()
    assert "No such file" in source.error
    write_city(files / "city.mmdb", {"1.0.4.0/22": LONDON})
    clock.now = 180.0
    assert source.refresh()
    assert source.error == ""


def test_without_any_table_there_is_no_source(files: Path) -> None:
    """At start there is nothing to fall back to."""
    with pytest.raises(CollectorsError, match="absent"):
        PlaceSource(files / "absent.itm", files / "cache")
    with pytest.raises(GeoipError, match="needs both"):
        PlaceSource(files / "bundled.itm", files / "cache", [files / "city.mmdb"])
