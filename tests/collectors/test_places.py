"""The place table: look-ups, keys, positions, and the bundled file."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest

from collectors import columns, places
from collectors.errors import PlaceTableError
from collectors.network import Network
from collectors.places import PlaceTable, assemble, code_of, keys_of, letters_of, square_of

TOKYO_SQUARE = int(square_of(np.array([35.68]), np.array([139.69]))[0])


def small_table() -> PlaceTable:
    """Three places in two cells: nobody; AS 7 and AS 9 in a square of Japan."""
    key = np.array(
        [0, *keys_of(np.full(2, code_of("JP")), np.full(2, TOKYO_SQUARE), np.array([7, 9]))], np.uint64
    )
    return assemble(
        key,
        np.array([[0, 0], [128, 64]], np.uint8),
        (np.array([0, 16, 20, 24], np.uint32), np.array([0, 1, 2, 0], np.uint32)),
        (np.array([0, 1 << 40], np.uint64), np.array([0, 2], np.uint32)),
        "test edition",
        "test credit",
    )


def test_a_network_belongs_to_the_run_around_it() -> None:
    """First and last unit of each run, and both ends of both address spaces."""
    table = small_table()
    units = [0, 15, 16, 19, 20, 23, 24, (1 << 24) - 1]
    assert [table.place_of(Network(4, unit)) for unit in units] == [0, 0, 1, 1, 2, 2, 0, 0]
    assert table.places_of(4, np.array(units)).tolist() == [0, 0, 1, 1, 2, 2, 0, 0]
    assert table.places_of(6, np.array([0, (1 << 40) - 1, 1 << 40, (1 << 48) - 1])).tolist() == [0, 0, 2, 2]
    assert table.place_of(Network(6, (1 << 48) - 1)) == 2


def test_a_run_reaches_to_the_next_or_to_the_end_of_the_address_space() -> None:
    """Units, half open."""
    table = small_table()
    assert table.run_of(Network(4, 17)) == (16, 20)
    assert table.run_of(Network(4, 99)) == (24, 1 << 24)
    assert table.run_of(Network(6, 1 << 47)) == (1 << 40, 1 << 48)


def test_place_zero_is_the_world() -> None:
    """No country, no position, no AS, key 0: never an error."""
    table = small_table()
    assert (table.countries[table.country[0]], table.asn[0], table.key[0], table.cell[0]) == ("", 0, 0, 0)
    assert np.isnan(table.lat[0])
    assert np.isnan(table.lon[0])


def test_places_of_one_cell_share_its_position() -> None:
    """The middle of the step at the cell's offset: 128/256 and 64/256 into the square at 35 N 139 E."""
    table = small_table()
    assert table.lat[1:].tolist() == [35 + 128.5 / 256] * 2
    assert table.lon[1:].tolist() == [139 + 64.5 / 256] * 2
    lat, lon, country = table.cell_sites()
    assert lat[1:].tolist() == [35 + 128.5 / 256]
    assert lon[1:].tolist() == [139 + 64.5 / 256]
    assert country.tolist() == ["", "JP"]
    assert np.isnan(lat[0])


def test_the_weight_counts_announced_slash_24s() -> None:
    """Nobody's space weighs nothing but the least there is; 4 /24s each for the two ASes."""
    assert small_table().weight.tolist() == [1.0, 4.0, 4.0]


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    """Every field is the same after save and load, digest included."""
    table = small_table()
    places.save(table, tmp_path / "places.itm")
    loaded = places.load(tmp_path / "places.itm")
    for field in dataclasses.fields(PlaceTable):
        before, after = getattr(table, field.name), getattr(loaded, field.name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            np.testing.assert_array_equal(before, after)
        else:
            assert before == after


def test_a_file_of_other_columns_is_no_place_table(tmp_path: Path) -> None:
    """Sound as a column file, but not ours."""
    columns.save(tmp_path / "other", {}, {"asn": np.zeros(1, np.uint32)})
    with pytest.raises(PlaceTableError, match="not the columns of a place table"):
        places.load(tmp_path / "other")


@pytest.mark.parametrize("break_it", ["v4_place", "v6_place", "v4_start", "cell_lat"])
def test_runs_that_point_nowhere_are_refused(tmp_path: Path, break_it: str) -> None:
    """A checksum proves that nothing changed, not that the writer was sane."""
    places.save(small_table(), tmp_path / "places.itm")
    file = columns.load(tmp_path / "places.itm")
    broken = dict(file.columns)
    broken[break_it] = broken[break_it][:-1] if break_it == "cell_lat" else broken[break_it] + 9
    columns.save(tmp_path / "places.itm", file.facts, broken)
    with pytest.raises(PlaceTableError, match="not the columns of a place table"):
        places.load(tmp_path / "places.itm")


@pytest.mark.parametrize("letters", ["", "AA", "JP", "ZZ"])
def test_codes_are_numbers_below_1024(letters: str) -> None:
    """And come back."""
    assert 0 <= code_of(letters) < 1024
    assert letters_of(code_of(letters)) == letters


@pytest.mark.parametrize("letters", ["A", "jp", "A1", "ABC"])
def test_other_codes_are_refused(letters: str) -> None:
    """Two capital letters or nothing."""
    with pytest.raises(ValueError, match="two capital letters"):
        code_of(letters)


def test_squares_at_the_edges_of_the_world() -> None:
    """The poles, the date line from both sides, and no position."""
    lat = np.array([-90.0, 90.0, 0.0, 0.0, np.nan])
    lon = np.array([-180.0, 179.9, -180.0, 180.0, 0.0])
    assert square_of(lat, lon).tolist() == [1, 64_800, 1 + 90 * 360, 1 + 90 * 360, 0]


def test_keys_do_not_collide_at_their_limits() -> None:
    """The largest country, square and AS each keep to their bits."""
    key = int(keys_of(np.array([1023]), np.array([64_800]), np.array([2**32 - 1]))[0])
    assert (key >> 49, key >> 32 & 0x1FFFF, key & 0xFFFFFFFF) == (1023, 64_800, 2**32 - 1)


def test_the_bundled_table_is_small_quick_and_right() -> None:
    """The University of Tokyo is in Japan in AS2501; private space is nowhere; the credit rides along."""
    path = Path(places.__file__).parent.parent / "data" / "places.itm"
    assert path.stat().st_size <= 16 * 2**20
    started = time.process_time()
    table = places.load(path)
    assert time.process_time() - started < 4.0  # 0.6 s measured; two are promised on a quiet machine
    tokyo = table.place_of(Network.of("133.11.0.1"))
    assert (table.countries[table.country[tokyo]], int(table.asn[tokyo])) == ("JP", 2501)
    assert table.place_of(Network.of("2001:200::1")) > 0
    assert table.place_of(Network.of("10.0.0.1")) == places.WORLD
    assert "https://db-ip.com" in table.credit
    assert 200_000 < len(table) < 400_000
