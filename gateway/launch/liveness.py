"""Is the wire alive? When to ask, when to race a second path, when to give the wire up.

Pure: a clock and what happened in, one verdict out. Only what the far end sent counts as life (a PONG, an
ACK, data); a POP cannot speak for it. A wire that falls silent after something came is asked once, whoever
was to speak next: a desktop may have been sending to a user who only looks. One that answered and has nothing
outstanding is idle, not dead, and a VDA that does not read is slow, not dead: it still answers a PING.

A PONG that came after a silence long enough to race measures the silence, not the round trip. It is no
sample (Karn's rule, RFC 6298 section 3): the patience is doubled and the far end asked again at once, and the
next PONG tells a wire that is slow from one that was cut.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


class Verdict(enum.Enum):
    """What to do about the wire now."""

    FINE = "fine"
    ASK = "ask"
    RACE = "race"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits in seconds; the silences are lengthened to multiples of the round-trip time.

    A silent POP may cost a second and four round trips: racing begins early enough to leave the greeting and
    a tick of the session room in it.
    """

    idle_ping_seconds: float = 15.0
    ask_seconds: float = 0.35
    race_seconds: float = 0.75
    dead_seconds: float = 6.0


RTTS_TO_ASK: Final = 1.5
RTTS_TO_RACE: Final = 3.0
MOST_PATIENCE: Final = 4
"""Times `race_seconds`: 3 s, half of what a wire is given up after."""


class Liveness:
    """Watches one wire from the moment it stands."""

    def __init__(self, patience: Patience, clock: Callable[[], float], patience_factor: int = 1) -> None:
        self._patience, self._clock = patience, clock
        self._heard_at = self._expecting_since = clock()
        self._is_expecting = self._is_lively = False
        self._asked_at: float | None = None
        self._is_doubtful = self._is_unsure = False
        """Doubtful: a PONG to what is asked now is no sample. Unsure: the last one was none."""
        self._patience_factor = patience_factor
        self._has_heard = False
        self.rtt_seconds = 0.0

    def successor(self) -> Liveness:
        """Return the watch over the wire that takes this one's place.

        One that was raced before it said a word was perhaps only slow: the next is given twice the time, else
        wires that are begun anew forever would carry nothing over a network that drops bulk.
        """
        is_fruitless = self._is_doubtful and not self._has_heard
        factor = min(2 * self._patience_factor, MOST_PATIENCE) if is_fruitless else 1
        return Liveness(self._patience, self._clock, factor)

    def heard(self, *, is_pong: bool = False) -> None:
        """Take note that the far end sent something; a PONG also measures the round trip."""
        now = self._heard_at = self._clock()
        self._has_heard = True
        self._is_lively = not is_pong
        if is_pong and self._asked_at is not None:
            self._measure(now - self._asked_at)
            self._asked_at = None

    def _measure(self, sample: float) -> None:
        self._is_unsure = self._is_doubtful
        if self._is_doubtful:
            self._patience_factor = min(2 * self._patience_factor, MOST_PATIENCE)
            return
        self._patience_factor = 1
        self.rtt_seconds = sample if not self.rtt_seconds else 0.875 * self.rtt_seconds + 0.125 * sample

    def asked(self) -> None:
        """Take note that a PING went out."""
        self._asked_at, self._is_doubtful = self._clock(), False

    def verdict(self, has_outstanding: bool) -> Verdict:
        """Say what to do, given whether sent bytes wait for an ACK."""
        now, patience = self._clock(), self._patience
        if self._is_unsure and self._asked_at is None:
            return Verdict.ASK
        is_expecting = has_outstanding or self._is_lively or self._asked_at is not None
        if is_expecting and not self._is_expecting:
            self._expecting_since = now
        self._is_expecting = is_expecting
        if not is_expecting:
            return Verdict.ASK if now - self._heard_at >= patience.idle_ping_seconds else Verdict.FINE
        silence = now - max(self._heard_at, self._expecting_since)
        if self._asked_at is None:
            ask_after = max(RTTS_TO_ASK * self.rtt_seconds, patience.ask_seconds)
            return Verdict.ASK if silence >= ask_after else Verdict.FINE
        if silence >= max(2 * RTTS_TO_RACE * self.rtt_seconds, patience.dead_seconds):
            return Verdict.DEAD
        race_after = max(RTTS_TO_RACE * self.rtt_seconds, patience.race_seconds) * self._patience_factor
        self._is_doubtful = self._is_doubtful or silence >= race_after
        return Verdict.RACE if silence >= race_after else Verdict.FINE
