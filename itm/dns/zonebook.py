"""The part of the answer book that zones and signatures make: static answers, by name and type.

Made anew when a zone, a steered name's types or the signatures change; a new map alone leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from itm.catalog.types import ZoneText
from itm.dns import proof, signedzone
from itm.dns import zone as zones
from itm.dns.entry import SIGNED_BYTES, Entry, entry, key
from itm.dns.lookup import lookup
from itm.dns.name import decode, encode, parent
from itm.dns.proof import Sign
from itm.dns.rdata import AAAA, CAA, CNAME, HTTPS, MX, NS, PTR, SOA, SRV, SVCB, TXT, A, Rdata, RRset
from itm.dns.signatures import Signatures, ZoneKeys
from itm.dns.steerednames import SteeredNames
from itm.dns.tree import WILDCARD, Node
from itm.dns.wire import Body, compose
from itm.dns.zone import Zone
from itm.errors import CatalogError, NotSigned
from itm.routemap.routemap import PopAnswer, ServiceAnswer

NO_TYPE: Final = 0
"""A type no name has: its answer is the NODATA of the name."""
COMMON: Final = (A, AAAA, NS, SOA, CNAME, MX, TXT, CAA, SRV, HTTPS, SVCB, PTR)
"""Types whose answers lie ready at every name, where it has none too."""


@dataclass(frozen=True, slots=True, eq=False)
class ZoneBook:
    """The part of a book that depends on zones, steered names and signatures only; reused while they stay."""

    texts: tuple[ZoneText, ...]
    names: SteeredNames
    signatures: Signatures
    zones: dict[bytes, Zone]
    entries: dict[bytes, dict[bytes, Entry]]  # name -> type and class as sent -> entry
    negatives: dict[tuple[bytes, ...], Body] = field(default_factory=dict)
    """NXDOMAIN by zone, length of the name asked for and the owners of its proof; made when first needed."""
    steered: dict[object, Body] = field(default_factory=dict)
    """Bodies of steered names (`SteeredName.bodies`)."""
    checked: list[tuple[ServiceAnswer, ...] | tuple[PopAnswer, ...]] = field(default_factory=list)
    """The services and POPs whose every answer was found signed."""

    def sign(self, rrset: RRset) -> tuple[Rdata, ...]:
        """Return the data of an RRset's RRSIGs; none for what the signer does not know."""
        return self.signatures.sign(rrset)


def zones_of(texts: Sequence[ZoneText], names: SteeredNames) -> dict[bytes, Zone]:
    """Return the zones of the texts by origin, unsigned, each with the steered names that lie in it.

    Raises `CatalogError` when one is not sound or does not delegate another that lies in it, or when a
    service lies in none.
    """
    origins = {encode(text.name.lower()) for text in texts}
    home = {name: nearest(name, origins) for name in names.reserved}
    lost = [f"service {decode(name)}: lies in no zone" for name, origin in home.items() if origin is None]
    lost += [f"service {decode(n)}: a wildcard cannot be steered" for n in home if n.startswith(WILDCARD)]
    if lost:
        raise CatalogError(lost)
    found: dict[bytes, Zone] = {}
    for text in texts:
        origin = encode(text.name.lower())
        here = {name: types for name, types in names.reserved.items() if home[name] == origin}
        direct = tuple(rrset for rrset in names.direct if nearest(rrset.owner, origins) == origin)
        found[origin] = zones.parse(text, SteeredNames(here, {}, direct))
    reasons = []
    for child in found:
        around = nearest(parent(child), origins)
        if around is not None and around != child:  # the root is its own parent
            lacking = zones.undelegated(found[around], [child])
            reasons += [f"zone {decode(around)}: {reason}" for reason in lacking]
    if reasons:
        raise CatalogError(reasons)
    return found


def with_keys(
    texts: Sequence[ZoneText],
    found: Mapping[bytes, Zone],
    keys: Mapping[bytes, ZoneKeys],
    names: SteeredNames,
) -> dict[bytes, Zone]:
    """Return the zones with the keys of those that are to be signed. Raises `NotSigned` for one without."""
    made = dict(found)
    for text in texts:
        origin = encode(text.name.lower())
        if text.dnssec is not None:
            if origin not in keys:
                raise NotSigned(text.name, text.name, "DNSKEY")
            made[origin] = signedzone.with_keys(found[origin], keys[origin], names.types)
    return made


def make(texts: tuple[ZoneText, ...], names: SteeredNames, signatures: Signatures) -> ZoneBook:
    """Return the zone book of these texts and steered names; errors as of `zones_of` and `with_keys`."""
    found = with_keys(texts, zones_of(texts, names), signatures.zones, names)
    book = ZoneBook(texts, names, signatures, found, {})
    for origin in sorted(found, key=len):  # a child zone's names win over its parent's
        zone = found[origin]
        for name, node in zone.nodes.items():
            if zones.cut_above(zone, name) is None:
                book.entries[name] = _static(zone, name, node, book.sign)
    return book


def nearest(name: bytes, origins: Container[bytes]) -> bytes | None:
    """Return the origin that a name lies at or below, the longest; None outside all."""
    while name not in origins:
        if name == parent(name):
            return None
        name = parent(name)
    return name


def _static(zone: Zone, name: bytes, node: Node, sign: Sign) -> dict[bytes, Entry]:
    """Return the entries of one name, for the types it has and the NODATA of the common ones."""
    nothing = None if CNAME in node.rrsets or CNAME in node.steered else _entry(zone, name, NO_TYPE, sign)
    found = {}
    for rtype in (*COMMON, *(rtype for rtype in node.rrsets if rtype not in COMMON)):
        if node.is_steered(rtype):
            continue
        one = (nothing if rtype not in node.rrsets else None) or _entry(zone, name, rtype, sign)
        if one.short:
            found[key(rtype)] = one
    return found


def _entry(zone: Zone, name: bytes, rtype: int, sign: Sign) -> Entry:
    outcome = lookup(zone, name, rtype)
    signed = None
    if zone.chain is not None:
        body = compose(proof.signed(zone, outcome, name, sign), name)
        signed = entry(name, [body], room=SIGNED_BYTES)
    return entry(name, [compose(outcome, name)], signed=signed)
