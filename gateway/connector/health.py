"""What a connector reports beside its load: how busy its machine is, how many opens failed lately."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.protocol.codes import CloseCode

WINDOW_SECONDS: Final = 60.0
MOST_COUNTED: Final = 1000
OURS: Final = ("vda", "connector", "pop")
"""Parties whose failures an operator of this connector can do something about."""


def busy_percent() -> int:
    """Return the machine's load average of one minute per CPU, in percent; above 100 work is waiting."""
    return round(100 * os.getloadavg()[0] / (os.cpu_count() or 1))


class Health:
    """Counts failed opens over the last minute."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, busy: Callable[[], int] = busy_percent
    ) -> None:
        self._clock, self._busy = clock, busy
        self._failed_at: deque[float] = deque(maxlen=MOST_COUNTED)

    @property
    def cpu_percent(self) -> int:
        """How busy the machine is."""
        return self._busy()

    @property
    def failed(self) -> int:
        """How many opens failed within the last minute, `MOST_COUNTED` at most."""
        while self._failed_at and self._failed_at[0] <= self._clock() - WINDOW_SECONDS:
            self._failed_at.popleft()
        return len(self._failed_at)

    def note(self, code: CloseCode) -> None:
        """Count a refused open by its code; what the client did wrong does not count."""
        if code.party in OURS and code is not CloseCode.CONNECTOR_DRAINING:
            self._failed_at.append(self._clock())
