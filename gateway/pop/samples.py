"""Round-trip times and throughputs of the clients that are served: the kernel's (TCP_INFO), every minute.

Both are those between client and POP, with the network truncated; the round trip is told at the start, too.
A throughput is told only of a minute in which enough went out, as fast as path and client took it: what a
session sends of itself says little. One queue serves all sessions: they have one period, so whoever came
first is due first.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.channel import Channel, Delivery

PERIOD_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 1.0
LEAST_MS: Final = 0.1
"""ITM's least round trip; a client on this machine is nearer."""
LEAST_BYTES: Final = 102_400
"""Delivered in a period, for its throughput to be told: as much as browsers measure theirs with."""
LEAST_KBPS: Final = 0.1
MOST_KBPS: Final = 1e6
"""ITM's bounds of a throughput: 1 Gbit/s is told of what is faster."""

Report = Callable[[str, str, float], None]
"""Takes a metric, a network (/24 or /48 as text) and a value in the metric's unit."""


@dataclass(slots=True)
class _Client:
    channel: Channel
    network: str
    before: Delivery | None


class Samples:
    """The channels that are looked at, in the order in which they are due."""

    def __init__(self, report: Report, clock: Callable[[], float]) -> None:
        self._report, self._clock = report, clock
        self._due: deque[tuple[float, _Client]] = deque()

    def begin(self, network: str, client: Channel) -> None:
        """Sample a client's channel now and every minute until it closes."""
        self._tell_round_trip(network, client.rtt_ms())
        self._due.append((self._clock() + PERIOD_SECONDS, _Client(client, network, client.delivery())))

    def look(self) -> None:
        """Sample whoever is due. Who was sent nothing in the meantime has no new round trip to tell."""
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            _, client = self._due.popleft()
            if not client.channel.is_closed:
                self._tell_round_trip(client.network, client.channel.rtt_ms(within_seconds=PERIOD_SECONDS))
                self._tell_throughput(client)
                self._due.append((now + PERIOD_SECONDS, client))

    async def run(self) -> None:
        """Look every second until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _tell_round_trip(self, network: str, ms: float) -> None:
        if network and not math.isnan(ms):
            self._report("rtt_ms", network, max(LEAST_MS, ms))

    def _tell_throughput(self, client: _Client) -> None:
        before, client.before = client.before, client.channel.delivery()
        kbps = throughput(before, client.before)
        if client.network and kbps is not None:
            self._report("throughput_kbps", client.network, kbps)


def throughput(before: Delivery | None, now: Delivery | None) -> float | None:
    """Return the rate in kbit/s that path and client took enough bytes at since `before`, None if none did.

    The kernel keeps the last rate that the path limited: the same number again is no new one.
    """
    if before is None or now is None or not now.is_path_limited or now.kbps == before.kbps:
        return None
    if now.acked_bytes - before.acked_bytes < LEAST_BYTES:
        return None
    return min(MOST_KBPS, max(LEAST_KBPS, now.kbps))
