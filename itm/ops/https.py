"""HTTPS: the certificate as it is on disk now, and the bounds within which connections are taken."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from itm.dns.certificate import LOOK_SECONDS, Certificate, Pair
from itm.dns.connections import Bounds, Connections
from itm.dns.networks import Networks
from itm.dns.tls import Handshakes
from itm.ops.guest import Guest, Serve

ALPN: Final = "http/1.1"
SETTINGS: Final = ("public.tls_certificate", "public.tls_key")
IDLE_SECONDS: Final = 60.0
USUAL: Final = Bounds(2_000, 50, IDLE_SECONDS, Networks((), ""))
HANDSHAKES: Final = 300
"""In a second; each costs about a millisecond of the processor."""


class Https:
    """TLS of HTTP listeners, within one set of bounds for all of them."""

    def __init__(self, pair: Pair, settings: tuple[str, str], bounds: Bounds = USUAL) -> None:
        """Load the pair; `settings` name its two files. Raises `ConfigError`."""
        self._certificate = Certificate(pair, settings, ALPN)
        self.handshakes = Handshakes(HANDSHAKES, time.monotonic)
        self.connections = Connections(bounds, time.monotonic)

    def guest(self, serve: Serve) -> Guest:
        """Return what a new connection is received by; `serve` makes what it is served by."""
        return Guest(self.connections, self.handshakes, self._certificate.context, serve)

    def shed(self) -> tuple[tuple[str, int], ...]:
        """Return how many connections were closed to make room, by reason."""
        connections = self.connections
        reasons = ("client", connections.shed_client), ("full", connections.shed_full)
        return *reasons, ("handshakes", self.handshakes.refused)

    async def watch(self) -> None:
        """Take up changed files and close idle connections until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._certificate.look()
            self.connections.expire()
