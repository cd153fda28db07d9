"""TLS: the handshake comes to its end, with the certificate that is wanted. Nothing is said inside."""

from __future__ import annotations

from collectors.probe.connection import connected
from collectors.probe.finding import Finding, finding
from collectors.probe.target import Target


async def check(target: Target) -> Finding:
    """Connect, shake hands, look at the certificate, close."""
    async with connected(target) as connection:
        return finding(target, connection.days_left)
