"""The POPs that clients are told to resume at: those the operator stated, then those the broker names.

The broker is asked now and then. What it said last holds while it is away: that is when it may be needed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence

from gateway.address import join_address
from gateway.pop.http import HttpPeer, fetch
from gateway.protocol.errors import ProtocolError
from gateway.protocol.hello import MOST_ALTERNATES, Alternate, parse_alternates

log = logging.getLogger(__name__)


class Alternates:
    """`own` are this host's addresses: no alternative to itself."""

    def __init__(self, stated: Sequence[Alternate], own: Sequence[str]) -> None:
        self._stated, self._own = tuple(stated), frozenset(own)
        self._named: tuple[Alternate, ...] = ()

    @property
    def now(self) -> tuple[Alternate, ...]:
        """What a client is told, the best first."""
        return tuple(dict.fromkeys([*self._stated, *self._named]))[:MOST_ALTERNATES]

    def take(self, body: bytes) -> bool:
        """Replace what the broker named before; False, and no change, when this is no such answer."""
        try:
            named = parse_alternates(json.loads(body)["alternates"])
        except (ProtocolError, ValueError, RecursionError, KeyError, TypeError):
            return False
        named = tuple(one for one in named if join_address(one.address, one.port) not in self._own)
        if set(named) != set(self._named):
            log.info("alternates.learned", extra={"count": len(named)})
        self._named = named
        return True

    async def watch(self, brokers: Sequence[HttpPeer], every_seconds: float) -> None:
        """Ask the first broker that answers, at each interval, until cancelled."""
        while True:
            if not await fetch(brokers, "/pops/alternates", self.take):
                log.warning("alternates.stale")
            await asyncio.sleep(every_seconds)
