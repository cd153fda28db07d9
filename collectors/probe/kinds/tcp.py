"""TCP: the port accepts a connection. Nothing is sent."""

from __future__ import annotations

from collectors.probe.connection import connected
from collectors.probe.finding import Finding
from collectors.probe.target import Target


async def check(target: Target) -> Finding:
    """Connect and close."""
    async with connected(target):
        return Finding()
