"""The entries of a steered name: for A and AAAA one body per POP, made anew when a POP's addresses change.

Knows which addresses a POP answers with only as it is told; which POP is served is `steering`'s. In a signed
zone each body has a twin with its signature: every set of addresses that can be answered was signed before.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from itm.dns import signedzone
from itm.dns.entry import SIGNED_BYTES, Entry, entry
from itm.dns.lookup import Outcome
from itm.dns.name import encode
from itm.dns.proof import Sign, beside
from itm.dns.rdata import AAAA, A, Rdata, RRset
from itm.dns.steering import Steering
from itm.dns.variants import answered, subsets
from itm.dns.wire import Body, compose
from itm.dns.zone import Zone
from itm.routemap.routemap import PopAnswer, ServiceAnswer

FAMILIES: Final = (A, AAAA)

Addresses = tuple[str, ...]


def addresses_of(pop: PopAnswer, rtype: int) -> Addresses:
    """Return a POP's addresses of a type."""
    return pop.ipv4 if rtype == A else pop.ipv6


def types_of(service: ServiceAnswer, pops: Sequence[PopAnswer]) -> frozenset[int]:
    """Return the types that some network is answered for a service."""
    values = PopAnswer("", service.ipv4_values, service.ipv6_values)
    choices = [*pops, values] if service.class_index >= 0 else [values]
    return frozenset(rtype for rtype in FAMILIES if any(addresses_of(pop, rtype) for pop in choices))


@dataclass(slots=True, eq=False)
class SteeredName:
    """One service's name (wire form) in its zone. `pops` are those of the map, with all their addresses.

    `bodies` keeps what was composed, from one map to the next and between services: an unsigned body is the
    same for all of a TTL.
    """

    service: ServiceAnswer
    zone: Zone
    pops: Sequence[PopAnswer]
    sign: Sign | None = None
    bodies: dict[object, Body] = field(default_factory=dict)
    name: bytes = field(init=False)
    types: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        self.name = encode(self.service.name.lower())
        self.types = types_of(self.service, self.pops)

    def entries(self, pops: Sequence[PopAnswer], steering: Steering | None) -> dict[int, Entry]:
        """Return the A and AAAA entries of POPs with the addresses that are up; one without gives NODATA."""
        found: dict[int, Entry] = {}
        for rtype in FAMILIES:
            if rtype in self.types:
                sets = (
                    [self._answered(index, pop, rtype) for index, pop in enumerate(pops)] if steering else []
                )
                values = self.service.ipv4_values if rtype == A else self.service.ipv6_values
                found[rtype] = self._entry(rtype, [*sets, values], steering)
            else:
                found[rtype] = self._entry(rtype, [()], None)
        return found

    def readdressed(self, old: Mapping[int, Entry], changed: Mapping[int, PopAnswer]) -> dict[int, Entry]:
        """Return the entries with new bodies for the POPs that changed."""
        found = dict(old)
        for rtype, one in old.items():
            if one.steering is None:
                continue
            sets = {index: self._answered(index, pop, rtype) for index, pop in changed.items()}
            signed = one.signed
            if signed is not None:
                proved = {index: self._signed_body(rtype, some) for index, some in sets.items()}
                signed = signed.replaced(self.name, proved, room=SIGNED_BYTES)
            fresh = {index: self._body(rtype, some) for index, some in sets.items()}
            found[rtype] = one.replaced(self.name, fresh, signed=signed)
        return found

    def variants(self) -> Iterator[RRset]:
        """Give every RRset that can be answered here and is not the zone's own: it must be signed."""
        sets: dict[tuple[int, Addresses], None] = {}
        for rtype in self.types:
            whole = [addresses_of(pop, rtype) for pop in self.pops] if self.service.class_index >= 0 else []
            for addresses in whole:
                sets |= dict.fromkeys((rtype, some) for some in subsets(addresses))
            values = self.service.ipv4_values if rtype == A else self.service.ipv6_values
            sets |= dict.fromkeys([(rtype, values)] if values else [])
            if not values or not all(whole):
                yield signedzone.without_type(self.zone, self.name, rtype, self.types)
        for rtype, some in sets:
            yield self._rrset(rtype, some)

    def _answered(self, index: int, pop: PopAnswer, rtype: int) -> Addresses:
        up = addresses_of(pop, rtype)
        return answered(addresses_of(self.pops[index], rtype), up) if self.sign is not None else up

    def _entry(self, rtype: int, sets: Sequence[Addresses], steering: Steering | None) -> Entry:
        signed = None
        if self.sign is not None:
            bodies = [self._signed_body(rtype, some) for some in sets]
            signed = entry(self.name, bodies, steering, room=SIGNED_BYTES)
        return entry(self.name, [self._body(rtype, some) for some in sets], steering, signed=signed)

    def _body(self, rtype: int, addresses: Addresses) -> Body:
        known = rtype, self.service.ttl, addresses, b"" if addresses else self.name
        body = self.bodies.get(known)
        if body is None:
            body = self.bodies[known] = compose(self._outcome(rtype, addresses), self.name)
        return body

    def _signed_body(self, rtype: int, addresses: Addresses) -> Body:
        known = rtype, self.service.ttl, addresses, self.name, b"signed"
        body = self.bodies.get(known)
        if body is None:
            body = self.bodies[known] = compose(self._proved(rtype, addresses), self.name)
        return body

    def _outcome(self, rtype: int, addresses: Addresses) -> Outcome:
        if not addresses:
            return Outcome(authority=(self.zone.negative_soa,))
        return Outcome(answer=(self._rrset(rtype, addresses),))

    def _proved(self, rtype: int, addresses: Addresses) -> Outcome:
        outcome = self._outcome(rtype, addresses)
        if self.sign is None or self.zone.chain is None:
            return outcome
        if addresses:
            return Outcome(answer=tuple(beside(outcome.answer, self.zone, self.sign)))
        denial = self.zone.chain.records[self.name]
        if rtype in self.types:
            denial = signedzone.without_type(self.zone, self.name, rtype, self.types)
        return Outcome(authority=tuple(beside((*outcome.authority, denial), self.zone, self.sign)))

    def _rrset(self, rtype: int, addresses: Addresses) -> RRset:
        rdatas = tuple(Rdata(ipaddress.ip_address(text).packed) for text in addresses)
        return RRset(self.name, rtype, self.service.ttl, rdatas)
