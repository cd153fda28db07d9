"""Where else the sessions of a POP can go on, should it die: every enrolled POP that is not revoked.

Who stands and stays is only a preference: another broker may hold the links of the POPs that look away here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from gateway.broker.enrolment import Peer, listing
from gateway.broker.names import parse_address
from gateway.broker.signals import Near


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`staying()` gives the POPs' hosts whose signal links stand and that are not draining."""

    engine: Engine
    gateway_name: str
    staying: Callable[[], Iterable[Near]]

    async def alternates(self) -> list[dict[str, Any]]:
        """Return them as `{name, address, port}` (docs/protocol.md, 5), the best first."""
        peers = await asyncio.to_thread(listing, self.engine, "pop")
        pops = [pop for pop in peers if pop.revoked_at is None]
        parsed = (parse_address("address", text) for text in in_order(pops, self.staying()))
        return [{"name": self.gateway_name, "address": host, "port": port} for host, port in parsed]


def in_order(pops: Iterable[Peer], staying: Iterable[Near]) -> list[str]:
    """Return the addresses: of hosts that stay, of POPs with such a host, of the others; each by age."""
    near = tuple(staying)
    hosts = {address for one in near for address in one.addresses}
    names = {one.pop for one in near}
    ages = dict.fromkeys((address, pop.id) for pop in pops for address in pop.addresses)
    best_first = sorted(ages, key=lambda one: (one[0] not in hosts, one[1] not in names))
    return list(dict.fromkeys(address for address, _ in best_first))
