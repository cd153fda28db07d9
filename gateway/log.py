"""One log format for every gateway process: time, level, process, event, key=value pairs; to stderr.

Code logs with the standard library, `log.info("ticket.redeemed", extra={"pop": "a"})`, at the edges
only; whatever `extra` holds becomes the pairs. Values never carry a client's full address, a ticket or
a key.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Final

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

CHATTY: Final = ("alembic", "asyncio")
"""Libraries whose INFO tells an operator nothing."""


class KeyValueFormatter(logging.Formatter):
    """Formats a record as `<UTC time> <LEVEL> <process> <event> key=value …` and its traceback after it."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line (several, when there is a traceback)."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        pairs = [f"{k}={_quote(v)}" for k, v in record.__dict__.items() if k not in _STANDARD]
        line = " ".join([f"{at}Z {record.levelname} {self._process} {record.getMessage()}", *pairs])
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(process: str, level: int = logging.INFO) -> None:
    """Send this process's log to stderr in the one format; called once, by the composition root."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter(process))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _quote(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    plain = text and not any(c.isspace() or c in '"=' or not c.isprintable() for c in text)
    return text if plain else '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'
