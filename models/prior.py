"""What physics says before any measurement: the distance, and the round trip light needs in fibre.

Light travels about 200 km per ms in fibre, one way, so a round trip takes at least distance_km / 100 ms.
Everything here is computed row by row with the same arithmetic for one row as for many.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from models.sites import Sites

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius of the Earth (IUGG)."""

KM_PER_ROUND_TRIP_MS: Final = 100.0
"""Fibre carries light at two thirds of c: 200 km/ms one way, 100 km per ms of round trip."""

LEAST_FLOOR_MS: Final = 0.3
"""Floor of two sites at one point: the least round trip seen between neighbours in one city."""

DISTANCE_STEP_KM: Final = 0.125
"""Distances are rounded to this (a power of two): below the precision of any position we have."""

Array = npt.NDArray[np.float64]


def unit_vectors(sites: Sites) -> Array:
    """Return `(n, 3)` points on the unit sphere; NaN where the position is unknown."""
    rows = [_unit_vector(lat, lon) for lat, lon in zip(sites.lat.tolist(), sites.lon.tolist(), strict=True)]
    return np.array(rows, np.float64).reshape(len(sites), 3)


def _unit_vector(lat: float, lon: float) -> tuple[float, float, float]:
    # Scalar libm on purpose: a vectorised sine may round differently in a short and in a long array.
    if not (math.isfinite(lat) and math.isfinite(lon)):
        return math.nan, math.nan, math.nan
    phi, theta = math.radians(lat), math.radians(lon)
    return math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)


def distance_km(clients: Sites, servers: Sites) -> Array:
    """Return great-circle distances, `(n_clients, n_servers)` km; NaN where a position is unknown."""
    return great_circle_km(unit_vectors(clients), unit_vectors(servers))


def great_circle_km(clients: Array, servers: Array) -> Array:
    """Return the distances of unit vectors `(n, 3)` and `(m, 3)` as `(n, m)` km."""
    square = np.zeros((len(clients), len(servers)))
    for axis in range(3):
        difference = clients[:, axis, None] - servers[None, :, axis]
        square += difference * difference
    km = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(np.sqrt(square) * 0.5, 1.0))
    rounded: Array = np.round(km / DISTANCE_STEP_KM) * DISTANCE_STEP_KM
    return rounded


def floor_ms(clients: Sites, servers: Sites) -> Array:
    """Return the least possible round trip, `(n_clients, n_servers)` ms; NaN where a position is unknown."""
    return floor_of_km(distance_km(clients, servers))


def floor_of_km(km: Array) -> Array:
    """Return the fibre floor in ms of distances in km."""
    floor: Array = np.maximum(km / KM_PER_ROUND_TRIP_MS, LEAST_FLOOR_MS)
    return floor
