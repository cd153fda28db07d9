"""The answer book: every answer that can be known before the query, as ready bytes.

Made from a RouteMap's zones and services when they change; immutable but for what health changes: the
choice inside each `Steering`, and the entries that hold a POP which lost or won an address. Static answers
are one body per (name, type), steered ones one per POP.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from itm.catalog.types import ZoneText
from itm.dns import zone as zones
from itm.dns.entry import Entry, entry, key
from itm.dns.lookup import NXDOMAIN, Outcome, lookup
from itm.dns.name import encode, parent
from itm.dns.rdata import AAAA, CAA, CNAME, DS, HTTPS, MX, NS, PTR, SOA, SRV, SVCB, TXT, A
from itm.dns.steered import SteeredName
from itm.dns.steering import Steering
from itm.dns.tree import Node
from itm.dns.wire import Body, compose
from itm.dns.zone import Zone
from itm.errors import CatalogError
from itm.routemap.health import NOTHING, Content, State
from itm.routemap.mask import reachable
from itm.routemap.routemap import PopAnswer, RouteMap

NO_TYPE: Final = 0
"""A type no name has: its answer is the NODATA of the name."""
COMMON: Final = (A, AAAA, NS, SOA, CNAME, MX, TXT, CAA, SRV, HTTPS, SVCB, PTR)
"""Types whose answers lie ready at every name, where it has none too."""


@dataclass(frozen=True, slots=True, eq=False)
class ZoneBook:
    """The part of a book that depends on zones and service names only; reused while they stay."""

    texts: tuple[ZoneText, ...]
    services: tuple[str, ...]
    zones: dict[bytes, Zone]
    entries: dict[bytes, dict[bytes, Entry]]  # name -> type and class as sent -> entry
    negatives: dict[tuple[bytes, int], Body] = field(default_factory=dict)
    """NXDOMAIN by zone and length of the name asked for: at most 255 per zone, made when first needed."""


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """Everything a node answers. `steered` maps a service's name and address type to its entry.

    `pops` are those of the map with the addresses that are answered now, in the order of its POPs.
    """

    routemap: RouteMap | None
    zones: ZoneBook
    names: tuple[SteeredName, ...]
    pops: list[PopAnswer]
    steered: dict[bytes, dict[int, Entry]]
    steerings: tuple[Steering, ...]
    short: dict[bytes, dict[bytes, Entry]]

    @property
    def pop_ids(self) -> tuple[str, ...]:
        """The POPs of the map, in the order of the bodies of a steered entry."""
        return tuple(pop.id for pop in self.routemap.pops) if self.routemap is not None else ()

    @property
    def fail_open(self) -> bool:
        """Whether some network is answered although all its POPs are down."""
        return any(steering.fail_open for steering in self.steerings)

    def apply(self, health: Content) -> None:
        """Serve by this health from now on; a POP or an address that it does not name is up."""
        by_index = _by_index(self.pop_ids, health.states)
        for steering in self.steerings:
            steering.apply(by_index)
        whole = self.routemap.pops if self.routemap is not None else ()
        changed: dict[int, PopAnswer] = {}
        for index, pop in enumerate(whole):
            now = reachable(pop, health.down)
            if now != self.pops[index]:
                self.pops[index] = changed[index] = now
        if changed:
            made: dict[object, Body] = {}
            for one in self.names:
                self._put(one.name, one.readdressed(self.steered[one.name], changed, made))

    def _put(self, name: bytes, entries: dict[int, Entry]) -> None:
        """Answer a steered name by these entries."""
        self.steered[name] = entries
        fitting = {key(rtype): one for rtype, one in entries.items() if one.short}
        self.short[name] = self.zones.entries.get(name, {}) | fitting

    def negative(self, zone: Zone, name: bytes, outcome: Outcome) -> Body | None:
        """Return the ready body when the outcome is a bare NXDOMAIN: a flood of them must stay cheap."""
        if outcome.rcode != NXDOMAIN or outcome.answer:
            return None
        key = zone.origin, len(name)
        body = self.zones.negatives.get(key)
        if body is None:
            body = self.zones.negatives[key] = compose(outcome, name, zone.origin)
        return body

    def zone_of(self, name: bytes, qtype: int) -> Zone | None:
        """Return the zone that answers for a name: the longest, or its parent's for DS (RFC 4035 3.1.4.1)."""
        origin = _nearest(name, self.zones.zones)
        if origin is None:
            return None
        if qtype == DS and name == origin:
            origin = _nearest(parent(name), self.zones.zones) or origin
        return self.zones.zones[origin]


def empty() -> Book:
    """Return the book of a node that has no map yet: no zone, so nothing can be answered."""
    return Book(None, ZoneBook((), (), {}, {}), (), [], {}, (), {})


def build(routemap: RouteMap, old: Book | None = None, health: Content = NOTHING) -> Book:
    """Return the book of a map, serving by `health`; what did not change is taken over from `old`.

    Raises `CatalogError` when a zone is not sound or a service lies in none.
    """
    services = tuple(service.name for service in routemap.services)
    kept = old.zones if old is not None else None
    if kept is None or kept.texts != routemap.zones or kept.services != services:
        kept = _zone_book(routemap.zones, services)
    by_index = _by_index([pop.id for pop in routemap.pops], health.states)
    steerings = tuple(Steering(one, by_index) for one in routemap.classes)
    names = []
    for service in routemap.services:
        name = encode(service.name.lower())
        soa = kept.zones[_nearest(name, kept.zones) or name].negative_soa
        names.append(SteeredName(service, soa))
    pops = [reachable(pop, health.down) for pop in routemap.pops]
    book = Book(routemap, kept, tuple(names), pops, {}, steerings, dict(kept.entries))
    for one in names:
        index = one.service.class_index
        book._put(one.name, one.entries(pops, steerings[index] if index >= 0 else None))
    return book


def _by_index(pop_ids: Sequence[str], states: Mapping[str, State]) -> list[State]:
    return [states.get(pop, State.UP) for pop in pop_ids]


def _zone_book(texts: tuple[ZoneText, ...], services: tuple[str, ...]) -> ZoneBook:
    origins = {encode(text.name.lower()) for text in texts}
    home = {service: _nearest(encode(service.lower()), origins) for service in services}
    lost = [f"service {service}: lies in no zone" for service, origin in home.items() if origin is None]
    lost += [f"service {name}: a wildcard cannot be steered" for name in services if name.startswith("*")]
    if lost:
        raise CatalogError(lost)
    found: dict[bytes, Zone] = {}
    for text in texts:
        origin = encode(text.name.lower())
        found[origin] = zones.parse(text, [service for service in services if home[service] == origin])
    entries: dict[bytes, dict[bytes, Entry]] = {}
    for origin in sorted(found, key=len):  # a child zone's names win over its parent's
        zone = found[origin]
        for name, node in zone.nodes.items():
            if zones.cut_above(zone, name) is None:
                entries[name] = _static(zone, name, node)
    return ZoneBook(texts, services, found, entries)


def _nearest(name: bytes, origins: Container[bytes]) -> bytes | None:
    while name not in origins:
        if name == parent(name):
            return None
        name = parent(name)
    return name


def _static(zone: Zone, name: bytes, node: Node) -> dict[bytes, Entry]:
    """Return the entries of one name, for the types it has and the NODATA of the common ones."""
    nothing = None if CNAME in node.rrsets else entry(name, [compose(lookup(zone, name, NO_TYPE), name)])
    found = {}
    for rtype in (*COMMON, *(rtype for rtype in node.rrsets if rtype not in COMMON)):
        if node.steered and rtype in {A, AAAA}:
            continue
        one = nothing if rtype not in node.rrsets else None
        one = one or entry(name, [compose(lookup(zone, name, rtype), name)])
        if one.short:
            found[key(rtype)] = one
    return found
