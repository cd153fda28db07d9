"""Where things are: the only thing the predictor knows about a client or a POP.

A site is a position, a country and, for a POP, whose network it stands in; no address, no AS, no name.
Positions may be unknown (NaN).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


def _nobody() -> npt.NDArray[np.str_]:
    return np.empty(0, np.str_)


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """`n` sites: `lat`, `lon` in degrees (NaN: unknown), `country` ISO 3166-1 alpha-2 ("" unknown).

    `provider` is the cloud a site stands in, in the catalog's words ("" none or unknown); all "" by default.
    """

    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]
    country: npt.NDArray[np.str_]
    provider: npt.NDArray[np.str_] = field(default_factory=_nobody)

    def __post_init__(self) -> None:
        if not len(self.provider):
            object.__setattr__(self, "provider", np.full(len(self.lat), ""))
        if not len(self.lat) == len(self.lon) == len(self.country) == len(self.provider):
            raise ValueError(
                f"{len(self.lat)} lat, {len(self.lon)} lon, {len(self.country)} countries, "
                f"{len(self.provider)} providers"
            )

    def __len__(self) -> int:
        return len(self.lat)

    @classmethod
    def of(
        cls,
        lat: Sequence[float],
        lon: Sequence[float],
        country: Sequence[str],
        provider: Sequence[str] = (),
    ) -> Sites:
        """Return the sites of plain sequences of one length; raises `ValueError` otherwise."""
        return cls(
            np.asarray(lat, np.float64),
            np.asarray(lon, np.float64),
            np.asarray(country, np.str_),
            np.asarray(provider, np.str_),
        )

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Sites:
        """Return the chosen sites, in that order."""
        return Sites(self.lat[rows], self.lon[rows], self.country[rows], self.provider[rows])

    @property
    def is_placed(self) -> npt.NDArray[np.bool_]:
        """Whether each site has a position."""
        return np.isfinite(self.lat) & np.isfinite(self.lon)
