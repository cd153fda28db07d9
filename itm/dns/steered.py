"""The entries of a steered name: per type one body per POP and TTL, made anew when its addresses change.

Knows which addresses a POP answers with only as it is told; which POP is served is `steering`'s. In a signed
zone each body has a twin with its signature: every set of addresses that can be answered was signed before,
with the highest TTL it can have (a signature holds for less, RFC 4035 5.3.3: the validator takes the lesser).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from itm.dns import rdatatext, signedzone
from itm.dns.asked import Asked
from itm.dns.entry import SIGNED_BYTES, Entry, entry
from itm.dns.lookup import Outcome
from itm.dns.name import encode
from itm.dns.proof import Sign, beside
from itm.dns.rdata import AAAA, CNAME, NSEC, RRSIG, A, Rdata, RRset
from itm.dns.steerednames import bindings_of, direct_name, rdatas_of, reserved_of, types_of
from itm.dns.steering import Steering
from itm.dns.variants import answered, subsets
from itm.dns.wire import Body, compose
from itm.dns.zone import Zone
from itm.routemap.routemap import PopAnswer, ServiceAnswer

FAMILIES: Final = (A, AAAA)
LIVE: Final = frozenset(FAMILIES)
"""Types whose answers follow the addresses that are up. Bindings only hint at addresses; a CNAME has none."""

Content = tuple[str, ...]
"""What a body is made from: addresses, or the POP's id for a CNAME."""


def content_of(pop: PopAnswer, rtype: int) -> Content:
    """Return what a POP answers for a type."""
    if rtype == CNAME:
        return (pop.id,)
    return {A: pop.ipv4, AAAA: pop.ipv6}.get(rtype, pop.ipv4 + pop.ipv6)


@dataclass(slots=True, eq=False)
class SteeredName:
    """One service's name (wire form) in its zone. `pops` are those of the map, with all their addresses.

    `bodies` keeps what was composed, from one map to the next and between services: an unsigned body is the
    same for all of a TTL. `asked` counts who asks while the map is answered from.
    """

    service: ServiceAnswer
    zone: Zone
    pops: Sequence[PopAnswer]
    sign: Sign | None = None
    bodies: dict[object, Body] = field(default_factory=dict)
    asked: Asked = field(default_factory=Asked)
    name: bytes = field(init=False)
    types: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        self.name = encode(self.service.name.lower())
        self.types = types_of(self.service, self._choices)

    @property
    def _choices(self) -> Sequence[PopAnswer]:
        """The POPs that can be answered: none where no class decides."""
        return self.pops if self.service.class_index >= 0 else ()

    def entries(self, pops: Sequence[PopAnswer], steering: Steering | None) -> dict[int, Entry]:
        """Return the entries of POPs with the addresses that are up; a POP without the type gives NODATA."""
        found: dict[int, Entry] = {}
        for rtype in reserved_of(self.service.form):
            if rtype in self.types:
                sets = (
                    [self._answered(index, pop, rtype) for index, pop in enumerate(pops)] if steering else []
                )
                ttls = self._ttls(steering)
                found[rtype] = self._entry(rtype, [*sets, self._values(rtype)], ttls, steering)
            else:
                found[rtype] = self._entry(rtype, [()], self._ttls(None), None)
        return found

    def readdressed(self, old: Mapping[int, Entry], changed: Mapping[int, PopAnswer]) -> dict[int, Entry]:
        """Return the entries with new bodies for the POPs that changed."""
        found = dict(old)
        for rtype, one in old.items():
            if one.steering is None or rtype not in LIVE:
                continue
            sets = {index: self._answered(index, pop, rtype) for index, pop in changed.items()}
            which = [
                (nth * (len(self.pops) + 1) + index, some, ttl)
                for nth, ttl in enumerate(self._ttls(one.steering))
                for index, some in sets.items()
            ]
            signed = one.signed
            if signed is not None:
                proved = {index: self._signed_body(rtype, some, ttl) for index, some, ttl in which}
                signed = signed.replaced(self.name, proved, room=SIGNED_BYTES)
            fresh = {index: self._body(rtype, some, ttl) for index, some, ttl in which}
            found[rtype] = one.replaced(self.name, fresh, signed=signed)
        return found

    def variants(self) -> Iterator[RRset]:
        """Give every RRset that can be answered here and is not the zone's own: it must be signed."""
        sets: dict[tuple[int, Content], None] = {}
        denials = dict.fromkeys((self.types, self.flat_types))
        for rtype in self.types:
            whole = [content_of(pop, rtype) for pop in self._choices] + [self._values(rtype)]
            for content in whole:
                some = subsets(content) if rtype in LIVE else ([content] if content else [])
                sets |= dict.fromkeys((rtype, one) for one in some)
            if not all(whole):
                denials[self.types - {rtype}] = None
        here = self.zone.nodes[self.name].rrsets.get(NSEC)
        yield from (denial for types in denials for denial in self._denial(types) if denial != here)
        for rtype, one in sets:
            yield self._rrset(rtype, one, self._signed_ttl)
        if (
            self.service.ttl < self._signed_ttl
        ):  # what a transfer sends has the least, and a signature of its own
            yield from self._flat_sets()

    @property
    def flat_types(self) -> frozenset[int]:
        """The types that a server answers here which cannot steer."""
        return frozenset(rtype for rtype in self.types if self._flat_content(rtype))

    def flat(self) -> Iterator[RRset]:
        """Give what such a server answers: the values, or else all addresses of the fallback POP.

        In a signed zone its NSEC, too, names what is answered there and nothing else.
        """
        yield from self._flat_sets()
        yield from self._denial(self.flat_types)

    def _flat_sets(self) -> Iterator[RRset]:
        for rtype in sorted(self.flat_types):
            yield self._rrset(rtype, self._flat_content(rtype), self.service.ttl)

    def _denial(self, types: frozenset[int]) -> Iterator[RRset]:
        """Give the name's NSEC where these are what is answered; none in a zone, or for a name, without."""
        if self.zone.chain is not None and self.name in self.zone.chain.records:
            yield signedzone.with_types(self.zone, self.name, types)

    def _flat_content(self, rtype: int) -> Content:
        if self.service.ipv4_values or self.service.ipv6_values:
            return self._values(rtype)
        own = next((pop for pop in self._choices if pop.id == self.service.fallback), None)
        return content_of(own, rtype) if own is not None else ()

    def _values(self, rtype: int) -> Content:
        values = PopAnswer("", self.service.ipv4_values, self.service.ipv6_values)
        return () if rtype == CNAME else content_of(values, rtype)

    def _answered(self, index: int, pop: PopAnswer, rtype: int) -> Content:
        whole = content_of(self.pops[index], rtype)
        if rtype not in LIVE:
            return whole
        up = content_of(pop, rtype)
        return answered(whole, up) if self.sign is not None else up

    @property
    def _signed_ttl(self) -> int:
        return max(self.service.ttls)

    def _ttls(self, steering: Steering | None) -> Sequence[int]:
        """Return the TTLs that a steering's answers can have here, by class."""
        return self.service.ttls[: steering.ttl_classes if steering is not None else 1]

    def _entry(
        self, rtype: int, sets: Sequence[Content], ttls: Sequence[int], steering: Steering | None
    ) -> Entry:
        signed = None
        if self.sign is not None:
            bodies = [self._signed_body(rtype, some, ttl) for ttl in ttls for some in sets]
            signed = entry(self.name, bodies, steering, room=SIGNED_BYTES, asked=self.asked)
        plain = [self._body(rtype, some, ttl) for ttl in ttls for some in sets]
        return entry(self.name, plain, steering, signed=signed, asked=self.asked)

    def _body(self, rtype: int, addresses: Content, ttl: int) -> Body:
        known = (rtype, ttl, addresses, b"") if addresses else (rtype, 0, addresses, self.name)
        body = self.bodies.get(known)
        if body is None:
            body = self.bodies[known] = compose(self._outcome(rtype, addresses, ttl), self.name)
        return body

    def _signed_body(self, rtype: int, addresses: Content, ttl: int) -> Body:
        known = rtype, ttl if addresses else 0, addresses, self._signed_ttl, self.name
        body = self.bodies.get(known)
        if body is None:
            body = self.bodies[known] = compose(self._proved(rtype, addresses, ttl), self.name)
        return body

    def _outcome(self, rtype: int, addresses: Content, ttl: int) -> Outcome:
        if not addresses:
            return Outcome(authority=(self.zone.negative_soa,))
        return Outcome(answer=(self._rrset(rtype, addresses, ttl),))

    def _proved(self, rtype: int, addresses: Content, ttl: int) -> Outcome:
        outcome = self._outcome(rtype, addresses, ttl)
        if self.sign is None or self.zone.chain is None:
            return outcome
        if addresses:
            rrsigs = self.sign(self._rrset(rtype, addresses, self._signed_ttl))
            return Outcome(
                answer=(*outcome.answer, *([RRset(self.name, RRSIG, ttl, rrsigs)] if rrsigs else []))
            )
        denial = tuple(self._denial(self.types - {rtype})) or (self.zone.chain.covering(self.name),)
        return Outcome(authority=tuple(beside((*outcome.authority, *denial), self.zone, self.sign)))

    def _rrset(self, rtype: int, content: Content, ttl: int) -> RRset:
        if rtype == CNAME:
            rdatas: tuple[Rdata, ...] = (Rdata(names=(direct_name(content[0], self.service.name),)),)
        elif rtype in FAMILIES:
            rdatas = rdatas_of(content)
        else:
            rdatas = (self._binding(rtype, content),)
        return RRset(self.name, rtype, ttl, rdatas)

    def _binding(self, rtype: int, addresses: Content) -> Rdata:
        """Return the service's parameters with a POP's addresses as hints (RFC 9460 7.3)."""
        words = ["1", ".", *bindings_of(self.service.form)[rtype].split()]
        for key, is_v6 in (("ipv4hint", False), ("ipv6hint", True)):
            hints = [address for address in addresses if (":" in address) == is_v6]
            words += [f"{key}={','.join(hints)}"] if hints else []
        return rdatatext.parse(rtype, words, self.name)
