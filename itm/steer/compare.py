"""Two route maps in, their `Difference` per steering class out: which classes belong together, and prices.

Rows and prices are the new map's: a service that it has no more is told by name. Only a POP that the
new map has no more is priced by the old one's world.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from itm.routemap.routemap import NO_POP, ClassMap, RouteMap
from itm.steer.classes import SteeringClass
from itm.steer.demand import Demand
from itm.steer.difference import Difference, Indices, Moves, Price, Size, latency
from itm.steer.pieces import Pieces, first_pops, pieces_of
from itm.steer.pricing import Believed
from itm.steer.rows import Rows

TOP = 10
"""Countries, ASes and flips told by default."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A map with what it is believed to cost; None: its world cannot be made any more."""

    routemap: RouteMap
    believed: Believed | None

    @property
    def pops(self) -> tuple[str, ...]:
        """POP ids by index."""
        return tuple(pop.id for pop in self.routemap.pops)

    @property
    def services(self) -> tuple[str, ...]:
        """Service names in the map's order."""
        return tuple(service.name for service in self.routemap.services)


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """One class of the newer map and the class that most of its `services` had before.

    `renumbered` has the number in `pops`, which are those of both maps, of each POP of the older one.
    """

    services: tuple[str, ...]
    before: ClassMap
    after: ClassMap
    pops: tuple[str, ...]
    renumbered: tuple[int, ...]
    rows: Rows
    price: Price
    believed: Believed

    def pieces(self, demand: Demand) -> Pieces:
        """Cut the address space, with this demand on it."""
        return pieces_of(self.before, self.after, self.renumbered, self.rows, demand.weights(self.rows))


def differences(before: Reading, after: Reading, top: int = TOP) -> tuple[Difference, ...]:
    """Compare two maps class by class, telling `top` countries, ASes and flips.

    Raises `ValueError` when what `after` costs is not known.
    """
    return tuple(told(one, top) for one in matches(before, after))


def removed(before: RouteMap, names: Collection[str]) -> tuple[str, ...]:
    """Return the services of a map that are not among these `names`: no class of theirs is compared."""
    return tuple(service.name for service in before.services if service.name not in names)


def matches(before: Reading, after: Reading) -> list[Match]:
    """Match every class of `after`; one whose services are all new is compared with itself.

    Raises `ValueError` when what `after` costs is not known.
    """
    if after.believed is None:
        raise ValueError("the world of the newer map is needed")
    pops = after.pops + tuple(name for name in before.pops if name not in after.pops)
    found = []
    world = after.believed.world
    for index in range(len(after.routemap.classes)):
        services, was = _match(before.routemap, after.routemap, index)
        held = after if was is None else before
        own = held.routemap.classes[index if was is None else was]
        renumbered = tuple(pops.index(name) for name in held.pops)
        steering = world.classes[world.class_index[services[0]]]
        rows, price = _priced(before.believed, after.believed, steering, pops)
        tables = own, after.routemap.classes[index]
        found.append(Match(services, *tables, pops, renumbered, rows, price, after.believed))
    return found


def told(one: Match, top: int) -> Difference:
    """Return the difference that one match makes."""
    rows, places = one.rows, one.believed.world.places
    pieces = one.pieces(one.believed.demand)
    moves = Moves.of(pieces, one.price)
    asn, of = np.unique(places.asn, return_inverse=True)
    gained, lost = moves.saved()
    load_before, load = moves.loads(one.pops)
    return Difference(
        services=one.services,
        moved_share=moves.share(pieces.flows.moved),
        gained_ms=gained,
        lost_ms=lost,
        unpriced_share=moves.unpriced(),
        latency_before=latency(moves.was, pieces.flows.demand),
        latency=latency(moves.now, pieces.flows.demand),
        load_before=load_before,
        load=load,
        countries=moves.parts(places.country[rows.place], places.countries, top),
        ases=moves.parts(of[rows.place], [str(number) for number in asn], top),
        prefixes=pieces.prefixes(),
        networks4=pieces.units(4),
        networks6=pieces.units(6),
        resolvers=_resolvers(one.before, one.after, one.renumbered),
        flips=moves.flips(rows, places, one.pops, top),
        size_before=Size.of(one.before),
        size=Size.of(one.after),
    )


def _match(before: RouteMap, after: RouteMap, index: int) -> tuple[tuple[str, ...], int | None]:
    """Return the services of a class of `after`, and which class most of them had before, if any."""
    had = {s.name: s.class_index for s in before.services if s.class_index >= 0}
    names = tuple(s.name for s in after.services if s.class_index == index)
    votes = Counter(had[name] for name in names if name in had).most_common(1)
    return names, votes[0][0] if votes else None


def _priced(
    before: Believed | None, after: Believed, steering: SteeringClass, pops: tuple[str, ...]
) -> tuple[Rows, Price]:
    """Return the rows of one class, and what each of `pops` costs them."""
    rows, keys = after.rows(steering)
    own = len(after.world.pops)
    gone = {pops.index(name): at for at, name in enumerate(before.world.pops)} if before else {}
    number = np.array([gone.get(p, NO_POP) for p in range(own, len(pops))], dtype=np.uint16)

    def price(row: Indices, pop: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
        cost = np.full(len(row), np.nan, dtype=np.float32)
        here = np.flatnonzero(pop < own)
        cost[here] = after.cost(rows, keys, row[here], pop[here])
        there = np.flatnonzero((pop >= own) & (pop != NO_POP))
        if before is not None and len(there):
            cost[there] = before.cost(rows, keys, row[there], number[pop[there] - own])
        return cost

    return rows, price


def _resolvers(before: ClassMap, after: ClassMap, renumbered: tuple[int, ...]) -> int:
    """Return how many resolvers that both maps know have another POP at the head of their list."""
    number = np.append(np.array(renumbered, dtype=np.uint16), np.uint16(NO_POP))
    old_first = number[np.minimum(first_pops(before), len(renumbered))]
    new_first = first_pops(after)
    count = 0
    for old, new in ((before.resolvers4, after.resolvers4), (before.resolvers6, after.resolvers6)):
        _, at, to = np.intersect1d(old.unit, new.unit, return_indices=True)
        count += int((old_first[old.leaf[at]] != new_first[new.leaf[to]]).sum())
    return count
