"""The simulated client networks: /24s with people behind them, whose true round trips are known.

A network's round trips are its recorded client's, a last mile of its own longer, and a little different on
each path. Its people measure with the noise of their access. Arrays of one length, one row per network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.geography import distance_km
from collectors.places import PlaceTable
from itm.catalog.types import Pop
from itm.simulate.access import SHARE, SPREAD_MS
from itm.simulate.faults.homes import Home
from itm.simulate.faults.narrow import Span

LEAST_NETWORKS: Final = 8
"""Networks of one client, however few people it stands for: below, its places could never be believed."""

OWN_MS: Final = 3.0
"""Scale of a network's own last mile beyond the recorded one, exponential, the same to all POPs."""

OWN_SHARE: Final = 0.02
"""Standard deviation of what a network's own path to a POP differs by."""

WEIGHT_SIGMA: Final = 0.5
"""Networks of one client differ in demand: standard deviation of its logarithm."""

USERS: Final = 16
"""People of each network who measure, each with an access of one's own."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """`unit` ascending; `place` in the narrowed table; `home` the number of the recorded client.

    `weight` is the share of demand (sums to 1), `rtt_ms` (networks, POPs) the truth at rest, `excess_ms`
    (networks, users) the scale of what each user measures too much, `km` (networks, POPs) from where the
    place table puts the network, `country` and `continent_of` codes, `asn` the provider.
    """

    unit: npt.NDArray[np.uint64]
    place: npt.NDArray[np.uint32]
    home: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    rtt_ms: Floats
    excess_ms: Floats
    km: Floats
    country: npt.NDArray[np.str_]
    asn: npt.NDArray[np.uint32]
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.unit)


def spans_of(
    homes: Sequence[Home], weight: npt.NDArray[np.float64], places: PlaceTable, count: int
) -> list[dict[int, list[Span]]]:
    """Return for each home which units of which places are networks: some `count` in all, by weight."""
    share = weight / weight.sum()
    wanted = np.maximum(np.rint(share * count), LEAST_NETWORKS).astype(int)
    ends = np.append(places.v4_start[1:].astype(np.int64), 1 << 24)
    by_place = np.argsort(places.v4_place, kind="stable")
    edges = np.searchsorted(places.v4_place[by_place], np.arange(len(places) + 1))
    found = []
    for home, networks in zip(homes, wanted.tolist(), strict=True):
        spans: dict[int, list[Span]] = {}
        left = networks
        for rank, place in enumerate(home.places):
            runs = by_place[edges[place] : edges[place + 1]]
            # Half of what is left to each place, so that a city has several providers, large and small.
            room = left if rank == len(home.places) - 1 else max(left // 2, LEAST_NETWORKS)
            own = _filled(runs, places.v4_start, ends, min(room, left))
            left -= sum(end - first for first, end in own)
            spans[place] = own
            if left < LEAST_NETWORKS:
                break
        found.append(spans)
    return found


def _filled(
    runs: npt.NDArray[np.intp], start: npt.NDArray[np.uint32], ends: npt.NDArray[np.int64], room: int
) -> list[Span]:
    """Return spans of at most `room` units, of the largest runs first."""
    spans: list[Span] = []
    for run in runs[np.argsort(start[runs] - ends[runs], kind="stable")].tolist():
        if room <= 0:
            break
        first = int(start[run])
        end = min(int(ends[run]), first + room)
        spans.append((first, end))
        room -= end - first
    return spans


def settle(
    homes: Sequence[Home],
    weight: npt.NDArray[np.float64],
    spans: Sequence[Mapping[int, Sequence[Span]]],
    places: PlaceTable,
    pops: tuple[Pop, ...],
    rng: np.random.Generator,
) -> Networks:
    """Return the networks of these spans; `places` is the table narrowed to them."""
    units: list[npt.NDArray[Any]] = []
    for number, of_home in enumerate(spans):
        for first, end in (span for own in of_home.values() for span in own):
            unit = np.arange(first, end)
            units.append(np.stack([unit, np.full(len(unit), number)]))
    table = np.concatenate(units, axis=1)
    unit, home = table[:, np.argsort(table[0])]
    size, place = len(unit), places.places_of(4, unit.astype(np.uint32))
    demand = rng.lognormal(0.0, WEIGHT_SIGMA, size)
    demand *= (weight / np.bincount(home, demand, len(homes)))[home]
    recorded = np.array([one.client.rtt_ms for one in homes])[home]
    own = rng.exponential(OWN_MS, size)[:, None]
    paths = np.exp(rng.normal(0.0, OWN_SHARE, recorded.shape))
    kinds = rng.choice(list(SPREAD_MS.values()), (size, USERS), p=[SHARE[kind] for kind in SPREAD_MS])
    lat, lon = places.lat[place].astype(np.float64), places.lon[place].astype(np.float64)
    km = [distance_km(lat, lon, np.array(pop.lat), np.array(pop.lon)) for pop in pops]
    return Networks(
        unit=unit.astype(np.uint64),
        place=place,
        home=home.astype(np.int64),
        weight=demand / demand.sum(),
        rtt_ms=(recorded * paths + own).astype(np.float32),
        excess_ms=(kinds / math.log(9)).astype(np.float32),
        km=np.stack(km, axis=1).astype(np.float32),
        country=np.array(places.countries)[places.country[place]],
        asn=places.asn[place],
        lat=lat,
        lon=lon,
    )
