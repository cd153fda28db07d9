"""Data channels from their handshake to their first bytes: whose they are, how many, for how long.

A connector keeps some open in advance. Each has shown the connector's certificate, so it is no half-open
connection of a stranger; what one connector and all of them may park is bounded all the same. Which client
a channel is for is the rendezvous' business.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from gateway.channel import Channel
from gateway.errors import Lost, Refused, Unauthorised
from gateway.identity import Identity, of_peer
from gateway.pop.config import Caps
from gateway.pop.limits import decrease
from gateway.protocol.codes import CloseCode
from gateway.protocol.data import HELLO_BYTES, DataHello, parse_hello
from gateway.protocol.errors import ProtocolError

log = logging.getLogger(__name__)

Arrive = Callable[[DataHello, Channel, Identity], Awaitable[None]]


class Parking:
    """Waits with each data channel for its preamble, then hands it to `arrive`.

    `is_barred` says whether a certificate is worth nothing any more.
    """

    def __init__(
        self,
        caps: Caps,
        park_seconds: float,
        is_barred: Callable[[Identity], bool],
        arrive: Arrive,
    ) -> None:
        self._caps, self._park_seconds, self._is_barred = caps, park_seconds, is_barred
        self._arrive = arrive
        self._parked: Counter[str] = Counter()
        self._total = 0

    def __len__(self) -> int:
        return self._total

    async def serve(self, channel: Channel) -> None:
        """Take over a channel after its handshake. Raises `Refused` with a code, or `Lost`."""
        who = of_peer(channel.peer_certificate())
        self._check(who)
        if self._total >= self._caps.parked or self._parked[who.id] >= self._caps.parked_per_connector:
            raise Refused("parked", f"{who.id} has too many channels open in advance")
        self._parked[who.id] += 1
        self._total += 1
        try:
            hello = await self._hello(channel)
        finally:
            decrease(self._parked, who.id)
            self._total -= 1
        if hello is None:
            channel.close()
            return
        self._check(who)  # it may have waited for minutes
        await self._arrive(hello, channel, who)

    def _check(self, who: Identity) -> None:
        if who.role != "connector":
            raise Unauthorised(CloseCode.CONNECTOR_REFUSED, f"{who.id} is no connector")
        if self._is_barred(who):
            raise Unauthorised(CloseCode.BROKER_REVOKED, f"the certificate of {who.id} was revoked")

    async def _hello(self, channel: Channel) -> DataHello | None:
        """Return the preamble; None for a channel that was parked and not used."""
        head = b""
        try:
            async with asyncio.timeout(self._park_seconds):
                while (hello := parse_hello(head)) is None:
                    more = await channel.read(HELLO_BYTES - len(head))
                    if not more:
                        raise Lost("ended inside its preamble")
                    head += more
        except (ProtocolError, TimeoutError, Lost) as error:
            if not head:
                return None
            raise Refused(CloseCode.CONNECTOR_PROTOCOL, f"data channel: {error}") from error
        return hello
