"""The entries of a steered name: for A and AAAA one body per POP, made anew when a POP's addresses change.

Knows which addresses a POP answers with only as it is told; which POP is served is `steering`'s.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from itm.dns.entry import Entry, entry
from itm.dns.lookup import Outcome
from itm.dns.name import encode
from itm.dns.rdata import AAAA, A, Rdata, RRset
from itm.dns.steering import Steering
from itm.dns.wire import Body, compose
from itm.routemap.routemap import PopAnswer, ServiceAnswer

FAMILIES: Final = (A, AAAA)


@dataclass(slots=True, eq=False)
class SteeredName:
    """One service's name (wire form) and what is answered where nothing is: the negative SOA."""

    service: ServiceAnswer
    negative_soa: RRset
    name: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.name = encode(self.service.name.lower())

    def entries(self, pops: Sequence[PopAnswer], steering: Steering | None) -> dict[int, Entry]:
        """Return the A and AAAA entries; a POP without addresses of the type gives NODATA."""
        values = (self.service.ipv4_values, self.service.ipv6_values)
        choices = [(pop.ipv4, pop.ipv6) for pop in pops] if steering is not None else []
        found = {}
        for column, rtype in enumerate(FAMILIES):
            addresses = [choice[column] for choice in (*choices, values)]
            if any(addresses):
                found[rtype] = entry(self.name, [self._body(rtype, some) for some in addresses], steering)
            else:
                found[rtype] = entry(self.name, [self._body(rtype, ())])
        return found

    def readdressed(
        self, old: Mapping[int, Entry], changed: Mapping[int, PopAnswer], made: dict[object, Body]
    ) -> dict[int, Entry]:
        """Return the entries with new bodies for the POPs that changed.

        `made` keeps bodies between the services of one change: they are the same for all of a TTL.
        """
        found = dict(old)
        for rtype, one in old.items():
            if one.steering is not None:
                fresh = {}
                for index, pop in changed.items():
                    addresses = pop.ipv4 if rtype == A else pop.ipv6
                    known = rtype, self.service.ttl, addresses, b"" if addresses else self.name
                    if known not in made:
                        made[known] = self._body(rtype, addresses)
                    fresh[index] = made[known]
                found[rtype] = one.replaced(self.name, fresh)
        return found

    def _body(self, rtype: int, addresses: Iterable[str]) -> Body:
        rdatas = tuple(Rdata(ipaddress.ip_address(text).packed) for text in addresses)
        if not rdatas:
            return compose(Outcome(authority=(self.negative_soa,)), self.name)
        return compose(Outcome(answer=(RRset(self.name, rtype, self.service.ttl, rdatas),)), self.name)
