"""Continents and distances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors.geography import COUNTRIES, continents, distance_km


def test_the_bundled_table_knows_every_kind_of_country() -> None:
    """Namibia and North America are both NA, and neither is taken for a missing value."""
    table = continents(COUNTRIES)
    assert (table["JP"], table["US"], table["NA"], table["BR"]) == ("AS", "NA", "AF", "SA")
    assert set(table.values()) == {"AF", "AN", "AS", "EU", "NA", "OC", "SA"}
    assert len(table) > 240


def test_a_damaged_table_is_refused_with_its_line(tmp_path: Path) -> None:
    """The first line that is no pair of codes is named."""
    file = tmp_path / "countries.csv"
    file.write_text("iso,continent\nJP,AS\nGermany,EU\n")
    with pytest.raises(ValueError, match=r"countries\.csv:3: expected two-letter codes, got 'Germany'"):
        continents(file)


def test_distances_are_great_circles() -> None:
    """Tokyo to London is 9,560 km; around the date line is short; the antipode is half the circumference."""
    here, there = np.array([35.68, 0.0, 0.0]), np.array([139.69, 179.5, 0.0])
    km = distance_km(here, there, np.array([51.51, 0.0, 0.0]), np.array([-0.13, -179.5, 180.0]))
    assert km == pytest.approx([9559, 111.2, 20015], rel=1e-3)


def test_an_unknown_position_has_no_distance() -> None:
    """NaN goes through."""
    assert np.isnan(distance_km(np.array([np.nan]), np.array([0.0]), np.array([1.0]), np.array([1.0])))[0]
