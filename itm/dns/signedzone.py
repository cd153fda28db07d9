"""A zone as it is served signed: with its keys at the apex and its NSEC chain; and all of it that is signed.

The signer and the answer book call the same functions, so that what is looked up is what was signed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from itm.dns import nsec, serial
from itm.dns.rdata import AAAA, DS, NS, NSEC, SOA, A, RRset
from itm.dns.signatures import ZoneKeys
from itm.dns.tree import Node
from itm.dns.zone import Zone, cut_above

ADDRESSES: Final = frozenset({A, AAAA})


def with_keys(zone: Zone, keys: ZoneKeys, steered: Mapping[bytes, Collection[int]]) -> Zone:
    """Return the zone with these keys and its chain; `steered` has the types that each service can give."""
    nodes = {name: Node(dict(node.rrsets), node.steered) for name, node in zone.nodes.items()}
    apex = nodes[zone.origin]
    for rtype, rdatas in keys.rdatas.items():
        apex.rrsets[rtype] = RRset(zone.soa.owner, rtype, keys.ttl, rdatas)
    if keys.serial is not None:
        soa = serial.renumbered(zone.soa, keys.serial)
        negative = serial.renumbered(zone.negative_soa, keys.serial)
        zone = dataclasses.replace(zone, soa=soa, negative_soa=negative)
        apex.rrsets[SOA] = soa
    types = {}
    for name, node in nodes.items():
        here = _types(zone, name, node) | set(steered.get(name, ()))
        if here:
            types[name] = here
    chain = nsec.chain(types, zone.negative_soa.ttl)  # RFC 9077: the TTL of a negative answer
    for name, record in chain.records.items():
        nodes[name].rrsets[NSEC] = record
    return dataclasses.replace(zone, nodes=nodes, chain=chain)


def _types(zone: Zone, name: bytes, node: Node) -> set[int]:
    """Return the types that the zone has authority over at a name; none below a delegation."""
    if name in zone.cuts:
        return set(node.rrsets) & {NS, DS}
    return set() if cut_above(zone, name) is not None else set(node.rrsets)


def signable(zone: Zone, variants: Iterable[RRset] = ()) -> Iterator[RRset]:
    """Give every RRset of a zone with its keys that needs a signature, and those that steering can answer."""
    for name, node in zone.nodes.items():
        if name in zone.cuts:
            yield from (node.rrsets[rtype] for rtype in (DS, NSEC) if rtype in node.rrsets)
        elif cut_above(zone, name) is None:
            yield from node.rrsets.values()
    yield from variants


def with_types(zone: Zone, name: bytes, types: Collection[int]) -> RRset:
    """Return the NSEC of a steered name where it does not answer all of its types but only these.

    A POP without IPv6 gives no AAAA, so the record that proves it must not name the type: it is the chain's
    record in all else.
    """
    if zone.chain is None:
        raise ValueError("the zone is not signed")
    here = (set(zone.nodes[name].rrsets) | set(types)) - {NSEC}
    return nsec.rrset(name, zone.chain.following(name), here, zone.negative_soa.ttl)
