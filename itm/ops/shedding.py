"""The rule of overload: who is turned away, and why, while the edge process is behind.

The least valuable work goes first: beacons and browsers' reports, of which there are many and which come
again; then session plans, without which there are no beacons. Operators, health and checks are never in
here. Pure; what is measured and how it is answered is `overload.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BEACONS: Final = "beacons"
SESSIONS: Final = "sessions"


@dataclass(frozen=True, slots=True)
class Pressure:
    """How far the process is behind."""

    lag_seconds: float = 0.0  # how much later than due timers of the event loop keep firing
    in_flight: int = 0  # requests whose body or answer is under way
    pending_bytes: int = 0  # what waits for the disk in front of the journal


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be reached before one kind of request is turned away."""

    lag_seconds: float
    in_flight: int
    pending_bytes: int


LIMITS: Final = {
    BEACONS: Limit(lag_seconds=0.25, in_flight=500, pending_bytes=32 << 20),
    SESSIONS: Limit(lag_seconds=0.75, in_flight=1000, pending_bytes=48 << 20),
}
"""In the order in which they are turned away. A quarter of a second is what nobody at a console notices; 500
bodies of `public.max_body_bytes` are 125 MiB; the journal refuses above 64 MiB."""

REASONS: Final = ("lag", "in_flight", "journal")


def turned_away(pressure: Pressure) -> dict[str, str]:
    """Return the kinds that are turned away now, each with the first of `REASONS` that holds."""
    found = {kind: _reason(pressure, limit) for kind, limit in LIMITS.items()}
    return {kind: reason for kind, reason in found.items() if reason}


def _reason(pressure: Pressure, limit: Limit) -> str:
    if pressure.lag_seconds >= limit.lag_seconds:
        return "lag"
    if pressure.in_flight >= limit.in_flight:
        return "in_flight"
    return "journal" if pressure.pending_bytes >= limit.pending_bytes else ""
