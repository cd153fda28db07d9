"""Where things are: the only thing the predictor knows about a client or a POP.

A site is a position and a country; no address, no AS, no name. Positions may be unknown (NaN).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """`n` sites: `lat`, `lon` in degrees (NaN: unknown), `country` ISO 3166-1 alpha-2 ("" unknown)."""

    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]
    country: npt.NDArray[np.str_]

    def __post_init__(self) -> None:
        if not len(self.lat) == len(self.lon) == len(self.country):
            raise ValueError(f"{len(self.lat)} lat, {len(self.lon)} lon, {len(self.country)} countries")

    def __len__(self) -> int:
        return len(self.lat)

    @classmethod
    def of(cls, lat: Sequence[float], lon: Sequence[float], country: Sequence[str]) -> Sites:
        """Return the sites of three plain sequences of one length; raises `ValueError` otherwise."""
        return cls(np.asarray(lat, np.float64), np.asarray(lon, np.float64), np.asarray(country, np.str_))

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Sites:
        """Return the chosen sites, in that order."""
        return Sites(self.lat[rows], self.lon[rows], self.country[rows])

    @property
    def is_placed(self) -> npt.NDArray[np.bool_]:
        """Whether each site has a position."""
        return np.isfinite(self.lat) & np.isfinite(self.lon)
