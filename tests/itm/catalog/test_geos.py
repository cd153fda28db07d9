"""octoDNS geo codes."""

from __future__ import annotations

import csv

import pytest

from itm.catalog.cursor import Cursor
from itm.catalog.geos import CONTINENT, COUNTRIES, read_geo
from itm.config import ROOT


@pytest.mark.parametrize(
    ("code", "read"), [("EU", "EU"), ("EU-DE", "EU-DE"), ("AS-CY", "EU-CY"), ("EU-TR", "AS-TR")]
)
def test_codes(code: str, read: str) -> None:
    """A country's continent is rewritten to GeoNames', for files that put it elsewhere."""
    reasons: list[str] = []
    assert read_geo(Cursor(code, "f", "g", reasons)) == read
    assert reasons == []


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("DE", "(did you mean 'EU-DE'?)"),
        ("eu", "(did you mean 'EU'?)"),
        ("EU-UK", "(did you mean 'GB'?)"),
        ("EU-de", "(did you mean 'DE'?)"),
        ("EU-QQ", "'QQ' is no ISO 3166-1"),
        ("NA-US-KY", "write NA-US"),
        ("", "expected a text"),
    ],
)
def test_wrong_codes(code: str, hint: str) -> None:
    """A wrong code is refused with what was probably meant."""
    reasons: list[str] = []
    assert read_geo(Cursor(code, "f", "g", reasons)) == ""
    assert len(reasons) == 1
    assert hint in reasons[0]


def test_agrees_with_the_shipped_table() -> None:
    """The continents are those of data/world/countries.csv, which places are keyed by."""
    with (ROOT / "data" / "world" / "countries.csv").open() as file:
        table = {row["iso"]: row["continent"] for row in csv.DictReader(file)}
    assert {code: table[code] for code in CONTINENT} == CONTINENT
    assert set(table) - set(CONTINENT) <= {"AN", "CS"}, (
        "only codes that ISO 3166 has withdrawn may be missing"
    )
    assert sum(len(text.split()) for text in COUNTRIES.values()) == len(CONTINENT)
