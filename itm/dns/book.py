"""The answer book: every answer that can be known before the query, as ready bytes.

Made from a RouteMap's zones and services when they change; immutable but for the served choice
inside each `Steering`. Static answers are one body per (name, type), steered ones one per POP.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from itm.catalog.types import ZoneText
from itm.dns import zone as zones
from itm.dns.lookup import NXDOMAIN, Outcome, lookup
from itm.dns.name import encode, parent
from itm.dns.rdata import AAAA, CNAME, DS, TYPES, A, Rdata, RRset
from itm.dns.steering import Steering
from itm.dns.tree import Node
from itm.dns.wire import AA, CLASS_IN, HEADER_BYTES, Body, compose
from itm.dns.zone import Zone
from itm.errors import CatalogError
from itm.routemap.health import State
from itm.routemap.routemap import PopAnswer, RouteMap, ServiceAnswer

NO_TYPE: Final = 0
"""A type no name has: its answer is the NODATA of the name."""
SHORT_BYTES: Final = 512 - HEADER_BYTES - 11 - 24
"""Question and records that fit any UDP reply beside OPT and the longest Client Subnet option."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One (name, type). Without `steering` there is one body; with it one per POP, then the values'.

    `short` has the same bodies for the short path, as (counts with OPT, counts without, records);
    empty when a body needs the long one.
    """

    bodies: tuple[Body, ...]
    short: tuple[tuple[bytes, bytes, bytes], ...]
    steering: Steering | None = None


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
    """Everything a node answers. `steered` maps a service's name and address type to its entry."""

    routemap: RouteMap | None
    zones: ZoneBook
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

    def apply(self, states: Mapping[str, State]) -> None:
        """Serve by these states from now on; a POP without one is up."""
        by_index = _by_index(self.pop_ids, states)
        for steering in self.steerings:
            steering.apply(by_index)

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
    return Book(None, ZoneBook((), (), {}, {}), {}, (), {})


def build(routemap: RouteMap, old: Book | None = None, states: Mapping[str, State] | None = None) -> Book:
    """Return the book of a map, serving by `states`; what did not change is taken over from `old`.

    Raises `CatalogError` when a zone is not sound or a service lies in none.
    """
    names = tuple(service.name for service in routemap.services)
    kept = old.zones if old is not None else None
    if kept is None or kept.texts != routemap.zones or kept.services != names:
        kept = _zone_book(routemap.zones, names)
    by_index = _by_index([pop.id for pop in routemap.pops], states or {})
    steerings = tuple(Steering(one, by_index) for one in routemap.classes)
    steered = {}
    for service in routemap.services:
        name = encode(service.name.lower())
        soa = kept.zones[_nearest(name, kept.zones) or name].negative_soa
        steered[name] = _steered(service, routemap.pops, steerings, soa)
    short = dict(kept.entries)
    for name, by_type in steered.items():
        fitting = {_key(rtype): entry for rtype, entry in by_type.items() if entry.short}
        short[name] = kept.entries.get(name, {}) | fitting
    return Book(routemap, kept, steered, steerings, short)


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
    nothing = None if CNAME in node.rrsets else _entry(name, [compose(lookup(zone, name, NO_TYPE), name)])
    found = {}
    for rtype in TYPES.values():
        if node.steered and rtype in {A, AAAA}:
            continue
        entry = nothing if rtype not in node.rrsets else None
        entry = entry or _entry(name, [compose(lookup(zone, name, rtype), name)])
        if entry.short:
            found[_key(rtype)] = entry
    return found


def _steered(
    service: ServiceAnswer, pops: Sequence[PopAnswer], steerings: Sequence[Steering], negative_soa: RRset
) -> dict[int, Entry]:
    """Return the A and AAAA entries of a service; a POP without addresses of the type gives NODATA."""
    name = encode(service.name.lower())
    steering = steerings[service.class_index] if service.class_index >= 0 else None
    choices = [(pop.ipv4, pop.ipv6) for pop in pops] if steering is not None else []
    choices.append((service.ipv4_values, service.ipv6_values))
    found = {}
    for rtype, column in ((A, 0), (AAAA, 1)):
        addresses = [pair[column] for pair in choices]
        if any(addresses):
            bodies = [_addresses(name, rtype, service.ttl, some, negative_soa) for some in addresses]
            found[rtype] = _entry(name, bodies, steering)
        else:
            found[rtype] = _entry(name, [_addresses(name, rtype, service.ttl, (), negative_soa)])
    return found


def _addresses(name: bytes, rtype: int, ttl: int, addresses: tuple[str, ...], negative_soa: RRset) -> Body:
    if not addresses:
        return compose(Outcome(authority=(negative_soa,)), name)
    rdatas = tuple(Rdata(ipaddress.ip_address(text).packed) for text in addresses)
    return compose(Outcome(answer=(RRset(name, rtype, ttl, rdatas),)), name)


def _entry(name: bytes, bodies: Sequence[Body], steering: Steering | None = None) -> Entry:
    fits = all(body.flags == AA and len(name) + 4 + len(body.full) <= SHORT_BYTES for body in bodies)
    return Entry(tuple(bodies), tuple(map(_short, bodies)) if fits else (), steering)


def _short(body: Body) -> tuple[bytes, bytes, bytes]:
    answer, authority, additional = (count.to_bytes(2, "big") for count in body.full_counts)
    with_opt = (body.full_counts[2] + 1).to_bytes(2, "big")
    head = b"\0\1" + answer + authority
    return head + with_opt, head + additional, body.full


def _key(rtype: int) -> bytes:
    return rtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
