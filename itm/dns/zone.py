"""A sound zone: its nodes, cuts and SOA, made from RFC 1035 text with every reason when it is not sound.

Nodes are keyed by the lower-case wire name and include empty non-terminals (RFC 8020). A node may
also be `steered`: its A and AAAA come from the map, not from here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from itm.catalog.types import ZoneText
from itm.dns import zonefile
from itm.dns.name import decode, encode, is_within, parent
from itm.dns.rdata import AAAA, CNAME, NS, SOA, A, RRset
from itm.dns.zonefile import Entry
from itm.errors import CatalogError

WILDCARD: Final = b"\x01*"
MAX_RRSET_BYTES: Final = 60_000
"""What surely fits one TCP message of 65535 bytes beside a chain of CNAMEs."""


@dataclass(slots=True)
class Node:
    """What stands at one name. No RRset and not steered: an empty non-terminal."""

    rrsets: dict[int, RRset] = field(default_factory=dict)
    steered: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A zone ready for lookups. `negative_soa` carries the TTL of negative answers (RFC 2308 5)."""

    origin: bytes
    nodes: dict[bytes, Node]
    cuts: frozenset[bytes]
    soa: RRset
    negative_soa: RRset


def parse(zone: ZoneText, steered: Iterable[str] = ()) -> Zone:
    """Return the zone of a text, with the steered names (absolute) that lie in it as nodes.

    Raises `CatalogError` with all reasons: `line 7: …` or `www.example.net. CNAME: …`.
    """
    try:
        origin = encode(zone.name.lower())
    except ValueError as error:
        raise CatalogError([f"zone {error}"]) from error
    entries, reasons = zonefile.read(zone.text, origin)
    nodes, more = _nodes(entries, origin)
    reasons += more
    names = {name for name in (encode(text.lower()) for text in steered) if is_within(name, origin)}
    for name in names:
        nodes.setdefault(name, Node()).steered = True
    cuts = frozenset(name for name, node in nodes.items() if NS in node.rrsets and name != origin)
    reasons += _apex_reasons(nodes.get(origin, Node()), decode(origin))
    for name, node in nodes.items():
        reasons += [f"{decode(name)} {text}" for text in _node_reasons(name, node, nodes, cuts)]
    if reasons:
        raise CatalogError(reasons)
    for name in list(nodes):
        _add_ancestors(nodes, name, origin)
    soa = nodes[origin].rrsets[SOA]
    return Zone(origin, nodes, cuts, soa, _negative(soa))


def cut_above(zone: Zone, name: bytes) -> bytes | None:
    """Return the delegation the name lies at or below, the one nearest to the apex."""
    found = None
    while zone.cuts and len(name) > len(zone.origin):
        if name in zone.cuts:
            found = name
        name = parent(name)
    return found


def _nodes(entries: list[Entry], origin: bytes) -> tuple[dict[bytes, Node], list[str]]:
    nodes: dict[bytes, Node] = {}
    reasons = []
    minimum = next((e.rdata.after[16:] for e in entries if e.rtype == SOA), None)
    default = struct.unpack(">I", minimum)[0] if minimum else None
    for entry in entries:
        key = entry.owner.lower()
        ttl = default if entry.ttl is None else entry.ttl
        if not is_within(key, origin):
            reasons.append(f"line {entry.line}: {decode(entry.owner)} lies outside the zone")
        elif ttl is None:
            reasons.append(f"line {entry.line}: no TTL, and neither $TTL nor SOA to take it from")
        else:
            _add(nodes.setdefault(key, Node()), entry, ttl)
    return nodes, reasons


def _add(node: Node, entry: Entry, ttl: int) -> None:
    old = node.rrsets.get(entry.rtype)
    if old is None:
        node.rrsets[entry.rtype] = RRset(entry.owner, entry.rtype, ttl, (entry.rdata,))
    elif all(entry.rdata.wire.lower() != rdata.wire.lower() for rdata in old.rdatas) or entry.rtype == SOA:
        rdatas = (*old.rdatas, entry.rdata)
        # RFC 2181 5.2: one TTL per RRset, the lowest.
        node.rrsets[entry.rtype] = RRset(old.owner, entry.rtype, min(old.ttl, ttl), rdatas)


def _apex_reasons(apex: Node, origin: str) -> list[str]:
    found = []
    if SOA not in apex.rrsets or len(apex.rrsets[SOA].rdatas) != 1:
        found.append(f"{origin} SOA: expected exactly one")
    if NS not in apex.rrsets:
        found.append(f"{origin} NS: expected at least one")
    return found


def _node_reasons(name: bytes, node: Node, nodes: dict[bytes, Node], cuts: frozenset[bytes]) -> list[str]:
    types = node.rrsets.keys()
    is_apex_type_below = SOA in types and NS not in types
    checks = [
        (CNAME in types and (len(types) > 1 or node.steered), "CNAME: other data stands at the same name"),
        (CNAME in types and len(node.rrsets[CNAME].rdatas) > 1, "CNAME: expected exactly one"),
        (node.steered and bool(types & {A, AAAA}), "A/AAAA: the name is a service"),
        (node.steered and name in cuts, "NS: a service cannot stand at a delegation"),
        (name.startswith(WILDCARD) and NS in types, "NS: a wildcard cannot be delegated"),
        (SOA in types and (name in cuts or is_apex_type_below), "SOA: stands below the zone's own"),
        (name in cuts and bool(types - {NS, A, AAAA}), "only NS and glue may stand at a delegation"),
    ]
    found = [text for wrong, text in checks if wrong]
    sizes = {sum(12 + len(rdata.wire) for rdata in rrset.rdatas) for rrset in node.rrsets.values()}
    if max(sizes, default=0) > MAX_RRSET_BYTES:
        found.append(f"an RRset is larger than {MAX_RRSET_BYTES} bytes")
    above = _enclosing_cut(parent(name), cuts)
    if above is not None and (types - {A, AAAA} or node.steered):
        found.append(f"stands below the delegation {decode(above)}: only A and AAAA (glue) may")
    if NS in types:
        found += _missing_glue(name, node.rrsets[NS], nodes)
    return found


def _enclosing_cut(name: bytes, cuts: frozenset[bytes]) -> bytes | None:
    while name != parent(name):
        if name in cuts:
            return name
        name = parent(name)
    return None


def _missing_glue(name: bytes, servers: RRset, nodes: dict[bytes, Node]) -> list[str]:
    hosts = [rdata.names[0].lower() for rdata in servers.rdatas]
    return [
        f"NS: {decode(host)} has no address in the zone"
        for host in hosts
        if is_within(host, name) and not nodes.get(host, Node()).rrsets.keys() & {A, AAAA}
    ]


def _add_ancestors(nodes: dict[bytes, Node], name: bytes, origin: bytes) -> None:
    while len(name) > len(origin):
        name = parent(name)
        nodes.setdefault(name, Node())


def _negative(soa: RRset) -> RRset:
    minimum = struct.unpack(">I", soa.rdatas[0].after[16:])[0]
    return RRset(soa.owner, SOA, min(soa.ttl, minimum), soa.rdatas)


def faults(text: ZoneText, services: Sequence[str]) -> Sequence[str]:
    """Return what a DNS node would find wrong with a zone and the steered names in it; none when sound."""
    try:
        parse(text, services)
    except CatalogError as error:
        return error.reasons
    return ()
