"""What scopes and TTLs cost: queries that resolvers' caches let through, against caches that know no scopes.

A resolver keeps an answer per name and scope for its TTL. Where queries for one come at random (Poisson) at a
rate r, one is let through and then none for the TTL T: r / (1 + rT) in the mean. So the growth of the queries
needs no dice: the sum over all names and scopes, over that of all names.

Clients are /24s drawn from all that are placed, with demand by their country's population and a lognormal
spread. All resolvers send Client Subnet: either one public resolver per country serves everybody in it, or
each provider's own (one per AS and country) its clients. Names are asked by Zipf's law, as often in all that
naive scopes of /24 grow the queries eightfold, as Akamai saw it (Chen et al., SIGCOMM 2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collectors.places import PlaceTable
from itm.routemap.routemap import ClassMap, ServiceAnswer
from itm.routemap.table import PrefixTable

SPREAD: Final = 1.5
"""Sigma of the logarithm of a network's demand: 58 % of them hold some 95 % of it, as in that paper."""
NAMES: Final = 1000
NAIVE_GROWTH: Final = 8.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Clients:
    """Client networks: /24 numbers in order, the resolver of each, and its share of all demand."""

    unit: npt.NDArray[np.int64]
    resolver: npt.NDArray[np.int64]
    demand: Floats

    @classmethod
    def drawn(
        cls, places: PlaceTable, people: Mapping[str, float], count: int, rng: np.random.Generator
    ) -> tuple[Clients, Clients]:
        """Draw networks that have a place; `people` by country. Return them behind public resolvers, and
        behind their providers'.
        """
        starts = places.v4_start.astype(np.int64)
        drawn = np.unique(rng.integers(0, 1 << 24, 3 * count))
        place = places.v4_place[np.searchsorted(starts, drawn, side="right") - 1]
        country = places.country[place].astype(np.int64)
        weight = np.array([people.get(name, 0.0) for name in places.countries])
        kept = np.flatnonzero((place > 0) & (weight[country] > 0))
        kept = np.sort(rng.choice(kept, min(count, len(kept)), replace=False))
        unit, country, asn = drawn[kept], country[kept], places.asn[place[kept]].astype(np.int64)
        each = weight / np.maximum(np.bincount(country, minlength=len(weight)), 1)
        demand = each[country] * np.exp(rng.normal(0, SPREAD, len(unit)))
        demand /= demand.sum()
        _, provider = np.unique(asn << 16 | country, return_inverse=True)
        return cls(unit, country, demand), cls(unit, provider.astype(np.int64), demand)

    def by_scope(self, scope: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return one client of each (resolver, scope), and which of them every client is in."""
        key = self.resolver << 25 | scope
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        return first, inverse


@dataclass(frozen=True, slots=True)
class Line:
    """One way to choose scopes and TTLs: queries against no Client Subnet, scopes in use, ms lost for it."""

    name: str
    growth: float
    scopes: int
    lost_ms: float


def scope_starts(table: PrefixTable, unit: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the first /24 of the scope that each is answered with (`itm.routemap.table.scope`)."""
    start = table.start.astype(np.int64)
    run = np.searchsorted(start, unit, side="right") - 1
    end = np.append(start[1:], 1 << table.bits)[run]
    below = np.where(start[run] > 0, unit ^ (start[run] - 1), 1 << table.bits)
    open_bits = np.frexp(np.minimum(below, unit ^ end).astype(np.float64))[1] - 1
    found: npt.NDArray[np.int64] = unit >> open_bits << open_bits
    return found


def ttls_of(one: ClassMap, service: ServiceAnswer, unit: npt.NDArray[np.int64]) -> Floats:
    """Return the TTL that each network is answered with while all POPs are up."""
    own = one.ttl if len(one.ttl) else np.zeros(len(one.leaves), dtype=np.uint8)
    return np.array(service.ttls, dtype=np.float64)[own[one.v4.leaves_of(unit)]]


def let_through(share: Floats, ttl: Floats | float, queries: float) -> float:
    """Return the queries per second for entries that get these shares of all `queries` per second."""
    rank = np.arange(1, NAMES + 1)
    popularity = 1 / rank / (1 / rank).sum()
    # Names of about the same popularity are as good as equal: a few dozen stand for a thousand.
    edges = np.unique(np.round(np.geomspace(1, NAMES + 1, 30)).astype(int))
    total = 0.0
    for first, end in zip(edges[:-1] - 1, edges[1:] - 1, strict=True):
        rate = share * (queries * popularity[first:end].mean())
        total += float((rate / (1 + rate * ttl)).sum()) * int(end - first)
    return total


def queries_of(clients: Clients, ttl: float) -> float:
    """Return how many queries per second make naive scopes grow them by `NAIVE_GROWTH`."""
    alone = np.bincount(clients.resolver, clients.demand).astype(np.float64)
    low, high = 1.0, 1e12
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        grown = let_through(clients.demand, ttl, middle) / let_through(alone, ttl, middle)
        low, high = (middle, high) if grown < NAIVE_GROWTH else (low, middle)
    return low


def compare(
    clients: Clients, maps: Mapping[str, tuple[ClassMap, Floats]], service: ServiceAnswer
) -> list[Line]:
    """Return the naive way and each map's by name: with the least TTL, and with its own TTLs.

    With a map stands what each client loses by it, in ms.
    """
    least = float(service.ttl)
    queries = queries_of(clients, least)
    base = let_through(np.bincount(clients.resolver, clients.demand).astype(np.float64), least, queries)
    found = [Line("/24", let_through(clients.demand, least, queries) / base, len(clients.unit), 0.0)]
    for name, (one, lost) in maps.items():
        first, inverse = clients.by_scope(scope_starts(one.v4, clients.unit))
        share = np.bincount(inverse, clients.demand).astype(np.float64)
        mean = float((clients.demand * lost).sum())
        ttl = ttls_of(one, service, clients.unit)[first]
        plain = let_through(share, least, queries) / base
        found.append(Line(name, plain, len(first), mean))
        if len(one.ttl):
            own = let_through(share, ttl, queries) / base
            found.append(Line(f"{name}, TTLs by certainty", own, len(first), mean))
    return found


def as_text(lines: list[Line]) -> str:
    """Return the lines as a table."""
    rows = [f"{'scopes':<40}{'queries':>9}{'scopes in use':>15}{'lost ms':>9}"]
    rows += [f"{one.name:<40}{one.growth:>8.2f}x{one.scopes:>15,}{one.lost_ms:>9.3f}" for one in lines]
    return "\n".join(rows)


def as_data(lines: list[Line]) -> list[dict[str, Any]]:
    """Return the lines JSON-ready."""
    return [{name: getattr(one, name) for name in Line.__slots__} for one in lines]
