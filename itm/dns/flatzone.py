"""A zone as a server holds it that cannot steer: what a transfer sends, and what its serial stands for.

Static records as they are, steered names as their fallback; of a signed zone with keys, chain and signatures.
Pure: the same zone, services and signatures give the same records in the same order on every server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from itm.dns import serial
from itm.dns.dnssec import canonical
from itm.dns.proof import Sign, beside
from itm.dns.rdata import NSEC, SOA, RRset
from itm.dns.steered import SteeredName
from itm.dns.zone import Zone


def rrsets(zone: Zone, names: Iterable[SteeredName], sign: Sign) -> Iterator[RRset]:
    """Give every RRset of a zone with its RRSIGs, the SOA first; `names` are all steered ones of the map."""
    flat = {one.name: tuple(one.flat()) for one in names if one.zone is zone}
    plain = _plain(zone, flat)
    yield from plain if zone.chain is None else beside(plain, zone, sign)


def _plain(zone: Zone, flat: dict[bytes, tuple[RRset, ...]]) -> Iterator[RRset]:
    yield zone.soa
    for name, node in zone.nodes.items():
        for rtype, rrset in node.rrsets.items():
            if rtype != SOA and not (rtype == NSEC and name in flat):
                yield rrset
        yield from flat.get(name, ())


def digest(zone: Zone, names: Iterable[SteeredName], sign: Sign) -> bytes:
    """Return 16 bytes that change with anything a transfer sends but the serial itself.

    The signature of the SOA stands in it, too: when it is made anew, secondaries must get it.
    """
    unnumbered = canonical(serial.renumbered(zone.soa, 0))
    found = hashlib.blake2b(unnumbered, digest_size=16)
    for rrset in rrsets(zone, names, sign):
        if rrset.rtype != SOA:
            found.update(canonical(rrset))
    return found.digest()
