"""What models see of two places: the ends themselves, or one row of numbers per (client, server).

Predictions are made per country and cell, so nothing narrower (an AS) is known of an end. The rows feed the
baselines; the model compares ends (`affinity`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from models.prior import floor_of_km, great_circle_km, unit_vectors
from models.sites import Sites

COLUMNS: Final = (
    "client_lat",
    "client_lon",
    "server_lat",
    "server_lon",
    "km",
    "same_country",
    "same_continent",
)
"""Columns of a feature matrix, in order: degrees, degrees, km, 0/1 flags."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Sites with what every pair of them needs, computed once: the rows of `place` go into the columns."""

    place: Array  # (n, 2) lat, lon
    unit: Array  # (n, 3) on the unit sphere
    country: npt.NDArray[np.str_]
    continent: npt.NDArray[np.str_]
    provider: npt.NDArray[np.str_]

    @classmethod
    def of(cls, sites: Sites, continents: Mapping[str, str]) -> Ends:
        """Return the ends of `sites`; `continents` maps a country code to its continent's code."""
        continent = [continents.get(code, "") for code in sites.country.tolist()]
        place = np.stack([sites.lat, sites.lon], axis=1)
        return cls(place, unit_vectors(sites), sites.country, np.array(continent, np.str_), sites.provider)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Ends:
        """Return the chosen ends, in that order."""
        country, continent, provider = self.country[rows], self.continent[rows], self.provider[rows]
        return Ends(self.place[rows], self.unit[rows], country, continent, provider)

    def of_providers(self, known: Sequence[str]) -> Ends:
        """Return the same ends; a provider that is not `known` counts as none."""
        return replace(self, provider=np.where(np.isin(self.provider, known), self.provider, ""))


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """All pairs of `n` clients and `m` servers: `features` `(n * m, len(COLUMNS))`, `floor` `(n, m)` ms."""

    features: Array
    floor: Array


def pair_features(clients: Ends, servers: Ends) -> Pairs:
    """Return the features and floors of every client with every server, clients outermost."""
    shape = len(clients.place), len(servers.place)
    km = great_circle_km(clients.unit, servers.unit)
    table = np.empty((*shape, len(COLUMNS)))
    table[:, :, 0:2] = clients.place[:, None]
    table[:, :, 2:4] = servers.place[None, :]
    table[:, :, 4] = km
    table[:, :, 5] = _same(clients.country, servers.country)
    table[:, :, 6] = _same(clients.continent, servers.continent)
    return Pairs(table.reshape(-1, len(COLUMNS)), floor_of_km(km))


def _same(clients: npt.NDArray[np.str_], servers: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Whether both ends are known and equal, `(n, m)`."""
    same: npt.NDArray[np.bool_] = (clients[:, None] == servers[None, :]) & (clients != "")[:, None]
    return same
