"""A sound zone: its nodes, cuts and SOA, made from RFC 1035 text with every reason when it is not sound.

Nodes are keyed by the lower-case wire name and include empty non-terminals (RFC 8020). A node may
also be `steered`: its addresses, or its CNAME, come from the map, not from here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from itm.catalog.types import ZoneText
from itm.dns import soundness, zonefile
from itm.dns.name import decode, encode, is_within, parent
from itm.dns.nsec import Chain
from itm.dns.rdata import AAAA, CNAME, NS, SOA, A, RRset
from itm.dns.rdatatext import type_name
from itm.dns.steerednames import NONE, Addressed, Named, SteeredNames, names_of
from itm.dns.tree import WILDCARD, Node, add_ancestors
from itm.dns.zonefile import Entry
from itm.errors import CatalogError

_Places = dict[tuple[bytes, int], list[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A zone ready for lookups. `negative_soa` carries the TTL of negative answers (RFC 2308 5)."""

    origin: bytes
    nodes: dict[bytes, Node]
    cuts: frozenset[bytes]
    soa: RRset
    negative_soa: RRset
    chain: Chain | None = None
    """Of a signed zone: what is there, to prove what is not (`signedzone`)."""


def parse(zone: ZoneText, steered: SteeredNames = NONE) -> Zone:
    """Return the zone of a text, with the steered names that lie in it as nodes, and the POPs' own names.

    Raises `CatalogError` with all reasons: `line 7: www.example.net. CNAME: …`, without a line where no
    record is to blame.
    """
    try:
        origin = encode(zone.name.lower())
    except ValueError as error:
        raise CatalogError([f"zone {error}"]) from error
    entries, reasons = zonefile.read(zone.text, origin, dict(zone.includes))
    nodes, places, more = _nodes(entries, origin)
    more += _steer(nodes, steered, origin)
    add_ancestors(nodes, origin)
    cuts = frozenset(name for name, node in nodes.items() if NS in node.rrsets and name != origin)
    reasons += [*more, *soundness.reasons(origin, nodes, cuts, places)]
    if reasons:
        raise CatalogError(reasons)
    soa = nodes[origin].rrsets[SOA]
    return Zone(origin, nodes, cuts, soa, _negative(soa))


def _steer(nodes: dict[bytes, Node], steered: SteeredNames, origin: bytes) -> list[str]:
    """Add what steering adds; return why some of it cannot stand there."""
    for name, types in steered.reserved.items():
        if is_within(name, origin):
            nodes.setdefault(name, Node()).steered = types
    reasons = []
    for rrset in steered.direct:
        if is_within(rrset.owner, origin):
            node = nodes.setdefault(rrset.owner, Node())
            if node.steered or node.rrsets.keys() & {rrset.rtype, CNAME}:
                reasons.append(f"{decode(rrset.owner)} {type_name(rrset.rtype)}: the name is a POP's own")
            node.rrsets.setdefault(rrset.rtype, rrset)
    return reasons


def cut_above(zone: Zone, name: bytes) -> bytes | None:
    """Return the delegation the name lies at or below, the one nearest to the apex."""
    found = None
    while zone.cuts and len(name) > len(zone.origin):
        if name in zone.cuts:
            found = name
        name = parent(name)
    return found


def _nodes(entries: list[Entry], origin: bytes) -> tuple[dict[bytes, Node], _Places, list[str]]:
    nodes: dict[bytes, Node] = {}
    places: _Places = {}
    reasons = []
    minimum = next((e.rdata.after[16:] for e in entries if e.rtype == SOA), None)
    default = struct.unpack(">I", minimum)[0] if minimum else None
    for entry in entries:
        key = entry.owner.lower()
        ttl = default if entry.ttl is None else entry.ttl
        if not is_within(key, origin):
            reasons.append(f"{entry.place}: {decode(entry.owner)} lies outside the zone")
        elif ttl is None:
            reasons.append(f"{entry.place}: no TTL, and neither $TTL nor SOA to take it from")
        elif _add(nodes.setdefault(key, Node()), entry, ttl):
            places.setdefault((key, entry.rtype), []).append(entry.place)
    return nodes, places, reasons


def _add(node: Node, entry: Entry, ttl: int) -> bool:
    """Add the record; False when its RRset has it already (RFC 2181 5). A second SOA is never the same."""
    old = node.rrsets.get(entry.rtype)
    if old is None:
        node.rrsets[entry.rtype] = RRset(entry.owner, entry.rtype, ttl, (entry.rdata,))
        return True
    is_new = entry.rtype == SOA or all(entry.rdata.key != rdata.key for rdata in old.rdatas)
    rdatas = (*old.rdatas, entry.rdata) if is_new else old.rdatas
    # RFC 2181 5.2: one TTL per RRset, the lowest.
    node.rrsets[entry.rtype] = RRset(old.owner, entry.rtype, min(old.ttl, ttl), rdatas)
    return is_new


def _negative(soa: RRset) -> RRset:
    minimum = struct.unpack(">I", soa.rdatas[0].after[16:])[0]
    return RRset(soa.owner, SOA, min(soa.ttl, minimum), soa.rdatas)


def undelegated(zone: Zone, origins: Iterable[bytes]) -> Iterator[str]:
    """Give why zones that lie in this one are not reached: it does not hand them over (RFC 1034 4.2.1).

    A resolver that comes down through the parent would be told, and a signed one would prove, that nothing
    of them is there. Handed over by a zone in between is enough.
    """
    for origin in origins:
        if cut_above(zone, origin) is None:
            yield f"{decode(origin)} NS: expected at least one, since a zone of this name is served too"


def faults(
    text: ZoneText,
    services: Sequence[Named],
    pops: Sequence[Addressed],
    children: Sequence[str] = (),
    probe_zone: str = "",
) -> Sequence[str]:
    """Return what a DNS node would find wrong with a zone and the services in it; none when sound.

    `children` are the zones beside it whose closest one above it is; `probe_zone` lies in it, if it is named.
    """
    try:
        found = parse(text, names_of(services, pops))
        unprobed = _unprobed(found, encode(probe_zone)) if probe_zone else ()
        return (*undelegated(found, map(encode, children)), *unprobed)
    except CatalogError as error:
        return error.reasons
    except ValueError as error:  # a POP's id and a service's name that make no name together
        return (str(error),)


def _unprobed(zone: Zone, probe_zone: bytes) -> Iterator[str]:
    """Give why the names of sessions would get no address: they need a wildcard of their own."""
    wildcard = WILDCARD + probe_zone
    node = zone.nodes.get(wildcard)
    if node is None or not node.rrsets.keys() & {A, AAAA} or cut_above(zone, wildcard) is not None:
        yield f"{decode(wildcard)}: expected an A or AAAA record, since `rum.probe_zone` names its parent"
