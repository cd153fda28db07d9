"""Round-trip times of the clients that are served: the kernel's (TCP_INFO), at the start and every minute.

It is the time between client and POP, with the network truncated. One queue serves all sessions: they have
one period, so whoever came first is due first.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.channel import Channel

PERIOD_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 1.0
LEAST_MS: Final = 0.1
"""ITM's least round trip; a client on this machine is nearer."""

Report = Callable[[str, float], None]
"""Takes a network (/24 or /48 as text) and milliseconds."""


class Samples:
    """The channels that are looked at, in the order in which they are due."""

    def __init__(self, report: Report, clock: Callable[[], float]) -> None:
        self._report, self._clock = report, clock
        self._due: deque[tuple[float, Channel, str]] = deque()

    def begin(self, network: str, client: Channel) -> None:
        """Sample a client's channel now and every minute until it closes."""
        self._take(network, client.rtt_ms())
        self._due.append((self._clock() + PERIOD_SECONDS, client, network))

    def look(self) -> None:
        """Sample whoever is due. Who was sent nothing in the meantime has no new round trip to tell."""
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            _, client, network = self._due.popleft()
            if not client.is_closed:
                self._take(network, client.rtt_ms(within_seconds=PERIOD_SECONDS))
                self._due.append((now + PERIOD_SECONDS, client, network))

    async def run(self) -> None:
        """Look every second until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _take(self, network: str, ms: float) -> None:
        if network and not math.isnan(ms):
            self._report(network, max(LEAST_MS, ms))
