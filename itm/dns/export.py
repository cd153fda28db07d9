"""A zone as text in the form of a transfer: one record a line, absolute names, the SOA first.

What a secondary would hold, so that other people's checkers can read what is served. Knows no file.
"""

from __future__ import annotations

from collections.abc import Iterator

import dns.rdata

from itm.dns import flatzone, zonebook
from itm.dns.book import steered_names
from itm.dns.name import decode
from itm.dns.rdata import RRset
from itm.dns.rdatatext import type_name
from itm.dns.signatures import Signatures
from itm.dns.steerednames import names_of
from itm.routemap.routemap import RouteMap


def text_of(routemap: RouteMap, signatures: Signatures, origin: bytes) -> str:
    """Return a zone of a map, with its signatures.

    Raises `KeyError` when the map has none of this origin, `NotSigned` when a signed one has no keys yet.
    """
    held = zonebook.make(routemap.zones, names_of(routemap.services, routemap.pops), signatures)
    names = steered_names(routemap.services, routemap.pops, held)
    return "".join(_lines(flatzone.rrsets(held.zones[origin], names, held.sign)))


def _lines(rrsets: Iterator[RRset]) -> Iterator[str]:
    for rrset in rrsets:
        kind = type_name(rrset.rtype)
        head = f"{decode(rrset.owner)} {rrset.ttl} IN {kind}"
        for rdata in rrset.rdatas:
            wire = rdata.wire
            yield f"{head} {dns.rdata.from_wire('IN', kind, wire, 0, len(wire))}\n"
