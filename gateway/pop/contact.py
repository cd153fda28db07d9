"""Whether a server that is asked again and again answers: told when that changes, and not each time."""

from __future__ import annotations

import logging


class Contact:
    """Logs `NAME.away` with the reason once, and `NAME.back` once; away is a warning, nothing more."""

    def __init__(self, name: str, log: logging.Logger) -> None:
        self._name, self._log = name, log
        self._reason = ""

    def away(self, reason: str) -> None:
        """It did not answer, or not as it should."""
        if not self._reason:
            self._log.warning("%s.away", self._name, extra={"reason": reason})
        self._reason = reason

    def here(self) -> None:
        """It answered."""
        if self._reason:
            self._log.info("%s.back", self._name, extra={"was": self._reason})
        self._reason = ""
