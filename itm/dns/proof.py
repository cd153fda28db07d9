"""What DO=1 adds to an outcome: RRSIGs beside what is signed, and proof of what is not there (RFC 4035 3.1).

Pure: a signed zone, an outcome without DNSSEC and the signatures in; the whole outcome out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from itm.dns.lookup import NXDOMAIN, Outcome
from itm.dns.name import is_within, parent
from itm.dns.rdata import CNAME, DS, NS, NSEC, RRSIG, Rdata, RRset
from itm.dns.tree import WILDCARD, find
from itm.dns.zone import Zone, cut_above

Sign = Callable[[RRset], tuple[Rdata, ...]]
"""An RRset as it was signed in, the data of its RRSIGs out; none when there is no signature."""


def signed(zone: Zone, outcome: Outcome, name: bytes, sign: Sign) -> Outcome:
    """Return the outcome of a question about `name` (lower case) with all that a validator needs."""
    prover = _Prover(zone, sign)
    if not outcome.authoritative:
        return dataclasses.replace(outcome, authority=(*outcome.authority, *prover.delegation(outcome)))
    return dataclasses.replace(
        outcome,
        answer=tuple(prover.beside(outcome.answer)),
        authority=tuple(prover.beside((*outcome.authority, *prover.denial(outcome, name)))),
    )


class _Prover:
    def __init__(self, zone: Zone, sign: Sign) -> None:
        self._zone, self._sign = zone, sign

    def beside(self, rrsets: Iterable[RRset]) -> Iterator[RRset]:
        """Give each RRset with its RRSIGs behind it."""
        for rrset in rrsets:
            yield rrset
            rdatas = self._sign(self._source(rrset))
            if rdatas:
                yield RRset(rrset.owner, RRSIG, rrset.ttl, rdatas)

    def _source(self, rrset: RRset) -> RRset:
        """Return the RRset of the zone that an answer's was made from: a wildcard's, the SOA's own."""
        if rrset.rtype == self._zone.soa.rtype:
            return self._zone.soa
        key = find(self._zone.nodes, rrset.owner.lower())
        source = self._zone.nodes[key].rrsets.get(rrset.rtype) if key is not None else None
        return source if source is not None and source.rdatas == rrset.rdatas else rrset

    def delegation(self, outcome: Outcome) -> Iterator[RRset]:
        """Give the DS of a referral, or the proof that it has none (RFC 4035 3.1.4)."""
        cut = next(rrset.owner.lower() for rrset in outcome.authority if rrset.rtype == NS)
        rrsets = self._zone.nodes[cut].rrsets
        yield from self.beside([rrsets[DS] if DS in rrsets else rrsets[NSEC]])

    def denial(self, outcome: Outcome, name: bytes) -> Iterator[RRset]:
        """Give the NSEC records that the outcome rests on, each once."""
        found = {record.owner: record for record in self._denials(outcome, name)}
        yield from found.values()

    def _denials(self, outcome: Outcome, name: bytes) -> Iterator[RRset]:
        chain = self._zone.chain
        if chain is None or outcome.is_steered:
            return
        for owner in dict.fromkeys([rrset.owner.lower() for rrset in outcome.answer]):
            if self._is_from_wildcard(owner):  # the name itself must not be there (3.1.3.3)
                yield chain.covering(owner)
        last = _last(outcome, name)
        if not outcome.authority or not is_within(last, self._zone.origin):
            return
        key = find(self._zone.nodes, last)
        if outcome.rcode == NXDOMAIN:  # nor a wildcard that would have answered (3.1.3.2)
            yield chain.covering(last)
            yield chain.covering(WILDCARD + self._encloser(last))
        elif key is not None:
            yield chain.covering(key)  # the node's own record; an empty non-terminal's is the one before
            if key != last:
                yield chain.covering(last)

    def _is_from_wildcard(self, owner: bytes) -> bool:
        nodes = self._zone.nodes
        if (
            owner in nodes
            or not is_within(owner, self._zone.origin)
            or cut_above(self._zone, owner) is not None
        ):
            return False
        return find(nodes, owner) is not None

    def _encloser(self, name: bytes) -> bytes:
        while name not in self._zone.nodes:
            name = parent(name)
        return name


def _last(outcome: Outcome, name: bytes) -> bytes:
    """Return the name that the end of a chain of CNAMEs speaks about."""
    aliases = [rrset for rrset in outcome.answer if rrset.rtype == CNAME]
    return aliases[-1].rdatas[0].names[0].lower() if aliases else name
