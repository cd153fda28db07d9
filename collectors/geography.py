"""Which continent a country belongs to (the bundled GeoNames table), and how far apart two positions are.

Knows ISO 3166-1 codes, continent codes (AF AN AS EU NA OC SA) and degrees, nothing of networks or places.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

COUNTRIES: Final = Path(__file__).resolve().parent.parent / "data" / "world" / "countries.csv"
"""The bundled table (GeoNames, CC BY 4.0)."""

COUNTRIES_CREDIT: Final = "Country data by GeoNames (https://www.geonames.org), CC BY 4.0"

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius (IUGG)."""


def continents(path: Path = COUNTRIES) -> dict[str, str]:
    """Return country code -> continent code, e.g. `JP` -> `AS`, from a CSV with `iso` and `continent`.

    Raises `OSError` when the file is missing and `ValueError` naming the first line that is not two
    two-letter codes.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return dict(_codes(path, line, row) for line, row in enumerate(rows, start=2))


def _codes(path: Path, line: int, row: dict[str, str]) -> tuple[str, str]:
    country, continent = row.get("iso") or "", row.get("continent") or ""
    for code in (country, continent):
        if len(code) != 2 or not (code.isascii() and code.isalpha() and code.isupper()):
            raise ValueError(f"{path}:{line}: expected two-letter codes, got {country!r} and {continent!r}")
    return country, continent


def distance_km(
    lat: npt.NDArray[np.floating],
    lon: npt.NDArray[np.floating],
    other_lat: npt.NDArray[np.floating],
    other_lon: npt.NDArray[np.floating],
) -> npt.NDArray[np.float64]:
    """Return great-circle distances between positions in degrees (haversine); NaN in, NaN out."""
    phi, theta = np.radians(np.asarray(lat, np.float64)), np.radians(np.asarray(other_lat, np.float64))
    half_lambda = np.radians(np.asarray(other_lon, np.float64) - np.asarray(lon, np.float64)) / 2
    chord = np.sin((theta - phi) / 2) ** 2 + np.cos(phi) * np.cos(theta) * np.sin(half_lambda) ** 2
    distance: npt.NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return distance
