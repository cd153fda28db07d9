"""What DO=1 adds to an outcome: RRSIGs beside what is signed, and proof of what is not there (RFC 4035 3.1).

Pure: a signed zone, an outcome without DNSSEC and the signatures in; the whole outcome out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from itm.dns.lookup import NXDOMAIN, Outcome
from itm.dns.name import is_within, parent
from itm.dns.rdata import CNAME, DS, NS, NSEC, RRSIG, SOA, Rdata, RRset
from itm.dns.tree import WILDCARD, find
from itm.dns.zone import Zone, cut_above

Sign = Callable[[RRset], tuple[Rdata, ...]]
"""An RRset as it was signed in, the data of its RRSIGs out; none when there is no signature."""


def signed(zone: Zone, outcome: Outcome, name: bytes, sign: Sign) -> Outcome:
    """Return the outcome of a question about `name` (lower case) with all that a validator needs."""
    additional = tuple(beside(outcome.additional, zone, sign))  # what has a signature: glue never (2.2)
    if not outcome.authoritative:
        more = beside([_delegation(zone, outcome)], zone, sign)
        return dataclasses.replace(outcome, authority=(*outcome.authority, *more), additional=additional)
    denial = denials(zone, outcome, name)
    return dataclasses.replace(
        outcome,
        answer=tuple(beside(outcome.answer, zone, sign)),
        authority=tuple(beside((*outcome.authority, *denial), zone, sign)),
        additional=additional,
    )


def beside(rrsets: Iterable[RRset], zone: Zone, sign: Sign) -> Iterator[RRset]:
    """Give each RRset with its RRSIGs behind it."""
    for rrset in rrsets:
        yield rrset
        rdatas = sign(_source(zone, rrset))
        if rdatas:
            yield RRset(rrset.owner, RRSIG, rrset.ttl, rdatas)


def rrsigs(zone: Zone, name: bytes, sign: Sign) -> Outcome | None:
    """Return the answer to a question for RRSIG itself: those of one RRset (as RFC 8482 has it for ANY)."""
    key = find(zone.nodes, name)
    if zone.chain is None or key is None or NSEC not in zone.nodes[key].rrsets:
        return None
    record = zone.nodes[key].rrsets[NSEC]
    return Outcome(answer=(RRset(name, RRSIG, record.ttl, sign(record)),))


def denials(zone: Zone, outcome: Outcome, name: bytes) -> tuple[RRset, ...]:
    """Return the NSEC records that an outcome rests on, each once (RFC 4035 3.1.3)."""
    return tuple({record.owner: record for record in _denials(zone, outcome, name)}.values())


def _source(zone: Zone, rrset: RRset) -> RRset:
    """Return the RRset of the zone that an answer's was made from: a wildcard's, the SOA's own."""
    if rrset.rtype == SOA:
        return zone.soa
    key = find(zone.nodes, rrset.owner.lower())
    source = zone.nodes[key].rrsets.get(rrset.rtype) if key is not None else None
    return source if source is not None and source.rdatas == rrset.rdatas else rrset


def _delegation(zone: Zone, outcome: Outcome) -> RRset:
    """Return the DS of a referral, or the proof that it has none (RFC 4035 3.1.4)."""
    cut = next(rrset.owner.lower() for rrset in outcome.authority if rrset.rtype == NS)
    rrsets = zone.nodes[cut].rrsets
    return rrsets.get(DS) or rrsets[NSEC]


def _denials(zone: Zone, outcome: Outcome, name: bytes) -> Iterator[RRset]:
    chain = zone.chain
    if chain is None:
        return
    for owner in dict.fromkeys([rrset.owner.lower() for rrset in outcome.answer]):
        if _is_from_wildcard(zone, owner):  # the name itself must not be there (3.1.3.3)
            yield chain.covering(owner)
    last = _last(outcome, name)
    if not outcome.authority or not is_within(last, zone.origin):
        return
    key = find(zone.nodes, last)
    if outcome.rcode == NXDOMAIN:  # nor a wildcard that would have answered (3.1.3.2)
        yield chain.covering(last)
        yield chain.covering(WILDCARD + _encloser(zone, last))
    elif key is not None:
        yield chain.covering(key)  # the node's own record; an empty non-terminal's is the one before
        if key != last:
            yield chain.covering(last)


def _is_from_wildcard(zone: Zone, owner: bytes) -> bool:
    if owner in zone.nodes or not is_within(owner, zone.origin) or cut_above(zone, owner) is not None:
        return False
    return find(zone.nodes, owner) is not None


def _encloser(zone: Zone, name: bytes) -> bytes:
    while name not in zone.nodes:
        name = parent(name)
    return name


def _last(outcome: Outcome, name: bytes) -> bytes:
    """Return the name that the end of a chain of CNAMEs speaks about."""
    aliases = [rrset for rrset in outcome.answer if rrset.rtype == CNAME]
    return aliases[-1].rdatas[0].names[0].lower() if aliases else name
