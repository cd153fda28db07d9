"""Whether this POP can serve a new client: what `/healthz` answers, 503 when it cannot.

It cannot while it is stopping, while it is full, and when no broker has heard it for a while: no ticket could
be redeemed. (With every POP like that ITM answers as if all were up, and running sessions go on.) It can when
ITM drained it: that is a state that ITM knows, not a failure; the word says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BROKER_SECONDS: Final = 15.0
"""A broker that is started again is back sooner."""


@dataclass(frozen=True, slots=True)
class Health:
    """`word` is `ok`, `draining`, or why the POP cannot serve."""

    can_serve: bool
    word: str


def judge(*, is_stopping: bool, is_full: bool, is_drained: bool, broker_silent_seconds: float) -> Health:
    """Return the health by what is known of the POP; the first of its faults counts."""
    faults = {
        "stopping": is_stopping,
        "no broker": broker_silent_seconds > BROKER_SECONDS,
        "full": is_full,
    }
    for word, holds in faults.items():
        if holds:
            return Health(False, word)
    return Health(True, "draining" if is_drained else "ok")
