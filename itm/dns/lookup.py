"""The algorithm of RFC 1034 4.3.2 on one zone: what to answer, before any byte is written.

Covers delegations, exact names, CNAME chains inside the zone, DNAME (RFC 6672), wildcards (RFC 4592),
empty non-terminals, minimal answers to ANY (RFC 8482). Steered addresses are only pointed at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from itm.dns.name import MAX_NAME, is_within, parent
from itm.dns.rdata import AAAA, CNAME, DNAME, DS, HINFO, NS, A, Rdata, RRset, target
from itm.dns.tree import Node, find
from itm.dns.zone import Zone, cut_above

NOERROR: Final = 0
NXDOMAIN: Final = 3
YXDOMAIN: Final = 6
ANY: Final = 255
MAX_CHAIN: Final = 16
"""CNAMEs followed inside the zone before the chain is left to the resolver."""

_REFUSED_ANY: Final = Rdata(b"\x07RFC8482\x00")  # RFC 8482 4.2: HINFO "RFC8482" ""
_ANY_TTL: Final = 3600


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the zone says. `is_steered`: what is asked for comes from the map.

    `glue` must be sent or the answer is truncated (RFC 9471); `additional` may be left out.
    """

    rcode: int = NOERROR
    authoritative: bool = True
    answer: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    glue: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()
    is_steered: bool = False


def lookup(zone: Zone, name: bytes, qtype: int) -> Outcome:
    """Return what the zone says about a name in it (lower-case wire form)."""
    chain: tuple[RRset, ...] = ()
    while True:
        cut = cut_above(zone, name)
        if cut is not None and not (qtype == DS and cut == name):
            return Outcome(answer=chain) if chain else _referral(zone, cut)
        key = find(zone.nodes, name)
        if key is None and (moved := _dname_above(zone, name)) is not None:
            links = _moved(moved, name)
            if len(links) == 1:  # RFC 6672 2.2: no name of at most 255 bytes comes out
                return Outcome(YXDOMAIN, answer=chain + links)
        elif key is None:
            return Outcome(NXDOMAIN, answer=chain, authority=(zone.negative_soa,))
        else:
            node = zone.nodes[key]
            alias = node.rrsets.get(CNAME)
            if alias is None or qtype in {CNAME, ANY}:
                return _at(zone, node, name, qtype, chain)
            links = (dataclasses.replace(alias, owner=name),)
        chain += links
        name = links[-1].rdatas[0].names[0].lower()
        # With these types only a DNAME leads here: the CNAME made from it is what was asked for.
        if qtype in {CNAME, ANY} or not _is_followed(zone, name, qtype, chain):
            return Outcome(answer=chain)


def speaker(zone: Zone, name: bytes) -> bytes:
    """Return the owner whose records answer for a name: itself, a wildcard, or the DNAME above it.

    However many names a wildcard (RFC 4592) or a DNAME (RFC 6672) makes up, they have one speaker.
    """
    key = find(zone.nodes, name)
    if key is None and (moved := _dname_above(zone, name)) is not None:
        return moved.owner.lower()
    return name if key is None else key


def _at(zone: Zone, node: Node, name: bytes, qtype: int, chain: tuple[RRset, ...]) -> Outcome:
    if node.is_steered(qtype):
        return Outcome(is_steered=True)
    found = node.rrsets.get(qtype)
    if qtype == ANY and (node.rrsets or node.steered):
        found = _any(zone, node, name)
    if found is None:
        return Outcome(answer=chain, authority=(zone.negative_soa,))
    found = dataclasses.replace(found, owner=name)
    return Outcome(answer=(*chain, found), additional=tuple(_addresses(zone, [found])))


def _any(zone: Zone, node: Node, name: bytes) -> RRset:
    """Return one RRset for all (RFC 8482 4.1); the made-up one of 4.2 only where nothing has to be signed."""
    if zone.chain is not None or CNAME in node.rrsets:
        return next(iter(node.rrsets.values()))
    return RRset(name, HINFO, _ANY_TTL, (_REFUSED_ANY,))


def _is_followed(zone: Zone, name: bytes, qtype: int, chain: tuple[RRset, ...]) -> bool:
    """Whether the chain goes on here: not out of the zone, not to a steered answer (circles are unsound).

    RFC 7871 7.2.1: only the first CNAME when what lies below it depends on the client.
    """
    if not is_within(name, zone.origin) or len(chain) >= MAX_CHAIN:
        return False
    key = find(zone.nodes, name)
    return not (key is not None and zone.nodes[key].is_steered(qtype))


def _dname_above(zone: Zone, name: bytes) -> RRset | None:
    """Return the DNAME that moves a name which does not exist itself."""
    while len(name) > len(zone.origin):
        name = parent(name)
        node = zone.nodes.get(name)
        if node is not None:
            return node.rrsets.get(DNAME)
    return None


def _moved(dname: RRset, name: bytes) -> tuple[RRset, ...]:
    """Return the DNAME and the CNAME made from it; the DNAME alone when the new name is too long."""
    new = name[: len(name) - len(dname.owner)] + dname.rdatas[0].whole
    if len(new) > MAX_NAME:
        return (dname,)
    return dname, RRset(name, CNAME, dname.ttl, (Rdata(names=(new,)),))


def _referral(zone: Zone, cut: bytes) -> Outcome:
    servers = zone.nodes[cut].rrsets[NS]
    addresses = tuple(_addresses(zone, [servers]))
    glue = tuple(rrset for rrset in addresses if is_within(rrset.owner.lower(), cut))
    others = tuple(rrset for rrset in addresses if not is_within(rrset.owner.lower(), cut))
    return Outcome(authoritative=False, authority=(servers,), glue=glue, additional=others)


def _addresses(zone: Zone, rrsets: Iterable[RRset]) -> Iterable[RRset]:
    hosts = dict.fromkeys(target(rrset, rdata) for rrset in rrsets for rdata in rrset.rdatas)
    for host in hosts:
        node = zone.nodes.get(host.lower()) if host is not None else None
        if node is not None:
            yield from (node.rrsets[rtype] for rtype in (A, AAAA) if rtype in node.rrsets)
