"""The answer book: every answer that can be known before the query, as ready bytes.

Made from a RouteMap's zones and services when they change; immutable but for what health changes: the
choice inside each `Steering`, and the entries that hold a POP which lost or won an address. Static answers
are one body per (name, type), steered ones one per POP and class of TTL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from itm.dns import proof, signedzone, zonebook
from itm.dns.asked import Taken
from itm.dns.entry import Entry, key
from itm.dns.lookup import NXDOMAIN, Outcome, speaker
from itm.dns.name import decode, encode, parent
from itm.dns.rdata import CNAME, DS
from itm.dns.rdatatext import type_name
from itm.dns.sharedsteering import steering_of
from itm.dns.signatures import Signatures
from itm.dns.steered import SteeredName
from itm.dns.steerednames import NONE, names_of
from itm.dns.steering import Steering
from itm.dns.wire import Body, compose
from itm.dns.zone import Zone
from itm.dns.zonebook import ZoneBook, nearest
from itm.errors import NotSigned
from itm.routemap.health import NOTHING, Content, State
from itm.routemap.mask import reachable
from itm.routemap.routemap import PopAnswer, RouteMap, ServiceAnswer

MOST_NEGATIVES: Final = 20_000
MOST_STEERED: Final = 500_000


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
    probe_zone: bytes = b""

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
        for one in self.names if changed else ():
            self._put(one.name, one.readdressed(self.steered[one.name], changed))

    def take_asked(self) -> list[Taken]:
        """Return who asked for each service since the last time, services that nobody asked for left out."""
        taken = [(one.service.name, *one.asked.take()) for one in self.names]
        return [one for one in taken if one[1] or one[2]]

    def dissolve(self, heir: Book) -> None:
        """Let go of what `heir`, which took over, does not use; this book answers nothing more.

        Piece by piece: freed at once, a large book would hold the interpreter for a tenth of a second.
        """
        mine: list[dict[Any, Any]] = [self.steered, self.short]
        if self.zones is not heir.zones:
            mine += [self.zones.entries, self.zones.negatives, self.zones.steered]
        for pieces in mine:
            while pieces:
                pieces.popitem()

    def _put(self, name: bytes, entries: dict[int, Entry]) -> None:
        """Answer a steered name by these entries."""
        self.steered[name] = entries
        whole = dict.fromkeys(zonebook.COMMON, entries[CNAME]) if CNAME in entries else entries
        fitting = {key(rtype): one for rtype, one in whole.items() if one.short}
        self.short[name] = self.zones.entries.get(name, {}) | fitting

    def entry(self, name: bytes, qtype: int) -> Entry:
        """Return the entry of a steered name for a type that is steered there."""
        entries = self.steered[name]
        return entries.get(qtype) or entries[CNAME]

    def body(self, zone: Zone, name: bytes, outcome: Outcome, *, dnssec: bool) -> Body:
        """Return the body of an outcome that no entry has; NXDOMAIN is kept: a flood must stay cheap."""
        is_proved = dnssec and zone.chain is not None
        if outcome.rcode != NXDOMAIN or outcome.answer:
            return compose(proof.signed(zone, outcome, name, self.zones.sign) if is_proved else outcome, name)
        owners = [record.owner for record in proof.denials(zone, outcome, name)] if is_proved else []
        known = zone.origin, bytes((len(name),)), *owners
        body = self.zones.negatives.get(known)
        if body is None:
            whole = proof.signed(zone, outcome, name, self.zones.sign) if is_proved else outcome
            if len(self.zones.negatives) >= MOST_NEGATIVES:
                self.zones.negatives.clear()
            body = self.zones.negatives[known] = compose(whole, name, zone.origin)
        return body

    def speaker(self, name: bytes) -> bytes:
        """Return the name whose records answer for a name (`lookup.speaker`); itself outside all zones."""
        if name in self.short:
            return name
        origin = nearest(name, self.zones.zones)
        return name if origin is None else speaker(self.zones.zones[origin], name)

    def zone_of(self, name: bytes, qtype: int) -> Zone | None:
        """Return the zone that answers for a name: the longest, or its parent's for DS (RFC 4035 3.1.4.1)."""
        origin = nearest(name, self.zones.zones)
        if origin is None:
            return None
        if qtype == DS and name == origin:
            origin = nearest(parent(name), self.zones.zones) or origin
        return self.zones.zones[origin]


def empty() -> Book:
    """Return the book of a node that has no map yet: no zone, so nothing can be answered."""
    return Book(None, ZoneBook((), NONE, Signatures(), {}, {}), (), [], {}, (), {})


def build(
    routemap: RouteMap,
    old: Book | None = None,
    health: Content = NOTHING,
    signatures: Signatures | None = None,
) -> Book:
    """Return the book of a map, serving by `health`; what did not change is taken over from `old`.

    `signatures` are those of the signed zones, None: those of `old`. Raises `CatalogError` when a zone is not
    sound or a service lies in none, `NotSigned` when a signed zone lacks a signature.
    """
    names = names_of(routemap.services, routemap.pops)
    kept = old.zones if old is not None else None
    signatures = signatures or (kept.signatures if kept is not None else Signatures())
    is_kept = kept is not None and (kept.texts, kept.names) == (routemap.zones, names)
    if kept is None or not is_kept or kept.signatures is not signatures:
        kept = zonebook.make(routemap.zones, names, signatures)
    by_index = _by_index([pop.id for pop in routemap.pops], health.states)
    steerings = tuple(steering_of(one, by_index) for one in routemap.classes)
    steered = tuple(steered_names(routemap.services, routemap.pops, kept))
    if kept.checked != [routemap.services, routemap.pops]:
        _check_signed(kept, steered)
        kept.checked[:] = [routemap.services, routemap.pops]
    pops = [reachable(pop, health.down) for pop in routemap.pops]
    probe_zone = encode(routemap.probe_zone) if routemap.probe_zone else b""
    book = Book(routemap, kept, steered, pops, {}, steerings, dict(kept.entries), probe_zone)
    for one in steered:
        index = one.service.class_index
        book._put(one.name, one.entries(pops, steerings[index] if index >= 0 else None))
    return book


def steered_names(
    services: Sequence[ServiceAnswer], pops: Sequence[PopAnswer], kept: ZoneBook
) -> Iterator[SteeredName]:
    """Give the steered names of a map in their zones."""
    if len(kept.steered) > MOST_STEERED:
        kept.steered.clear()
    for service in services:
        name = encode(service.name.lower())
        zone = kept.zones[nearest(name, kept.zones) or name]
        sign = kept.sign if zone.chain is not None else None
        yield SteeredName(service, zone, pops, sign, kept.steered)


def _check_signed(kept: ZoneBook, names: Sequence[SteeredName]) -> None:
    """Raise `NotSigned` unless every RRset of every signed zone has its signature."""
    for zone in kept.zones.values():
        if zone.chain is not None:
            variants = [rrset for one in names if one.zone is zone for rrset in one.variants()]
            for rrset in signedzone.signable(zone, variants):
                if not kept.sign(rrset):
                    raise NotSigned(decode(zone.origin), decode(rrset.owner), type_name(rrset.rtype))


def _by_index(pop_ids: Sequence[str], states: Mapping[str, State]) -> list[State]:
    return [states.get(pop, State.UP) for pop in pop_ids]
