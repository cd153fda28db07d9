"""A world in which every client has a place, an AS and a /24 of its own, and POPs are just positions.

Predictions are physics and no more: round trips of light in fibre, half as much again, and a few ms.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.geography import distance_km
from collectors.places import PlaceTable, code_of, keys_of, square_of
from itm.catalog.types import Catalog, Pop, Rule, Service
from itm.steer.world import World

DETOUR: Final = 1.5
NEAR_MS: Final = 3.0

_COUNTRY: Final = "ZZ"
_FIRST_UNIT: Final = 0x0A0000  # 10.0.0.0/24
_FIRST_AS: Final = 64_512

Floats = npt.NDArray[np.float64]


def world_apart(pops: Floats, clients: Floats) -> tuple[World, npt.NDArray[np.uint64]]:
    """Return the world and the clients' /24s; positions are (n, 2), latitude and longitude in degrees."""
    table, unit = _places(clients)
    catalog = _catalog(pops)
    km = distance_km(table.lat[:, None], table.lon[:, None], pops[:, 0], pops[:, 1])
    p50 = (km / 100 * DETOUR + NEAR_MS).astype(np.float32)
    p50[0] = p50[1:].mean(axis=0)  # of whoever cannot be placed
    predictions = np.stack([p50 * np.float32(0.85), p50, p50 * np.float32(1.3)])
    return World(catalog, 1, table, {_COUNTRY: ""}, predictions, "apart"), unit


def _places(clients: Floats) -> tuple[PlaceTable, npt.NDArray[np.uint64]]:
    """Return the table, ordered by key as tables are, and the unit of each client."""
    count = len(clients)
    asn = _FIRST_AS + np.arange(count)
    key = keys_of(np.full(count, code_of(_COUNTRY)), square_of(clients[:, 0], clients[:, 1]), asn)
    order = np.argsort(key)
    unit = np.empty(count, np.uint64)
    unit[order] = _FIRST_UNIT + np.arange(count)
    lat, lon = (np.append(np.nan, clients[order, axis]).astype(np.float32) for axis in (0, 1))
    numbers = np.arange(count + 1)
    table = PlaceTable(
        countries=("", _COUNTRY),
        country=(numbers > 0).astype(np.uint16),
        lat=lat,
        lon=lon,
        cell=numbers.astype(np.uint32),
        asn=np.append(0, asn[order]).astype(np.uint32),
        key=np.append(0, key[order]).astype(np.uint64),
        weight=(numbers > 0).astype(np.float32),
        v4_start=np.append(0, _FIRST_UNIT + numbers).astype(np.uint32),
        v4_place=np.concatenate([[0], numbers[1:], [0]]).astype(np.uint32),
        v6_start=np.zeros(1, np.uint64),
        v6_place=np.zeros(1, np.uint32),
        edition="apart",
        credit="",
        digest="apart",
    )
    return table, unit


def _catalog(positions: Floats) -> Catalog:
    pops = tuple(
        Pop(f"pop{n}", "any", f"pop{n}", _COUNTRY, float(lat), float(lon), (f"127.20.1.{n + 1}",))
        for n, (lat, lon) in enumerate(positions)
    )
    ids = tuple(pop.id for pop in pops)
    service = Service("gw.example.net.", ttl=20, pools=(("all", ids),), rules=(Rule(("all",)),))
    return Catalog(pops, (service,), ())
