"""One log format for every process: time, level, process, event, key=value pairs; to stderr.

Code logs with the standard library, `log.info("map.loaded", extra={"version": 3})`, at the edges
only; whatever `extra` holds becomes the pairs. Values never carry a client's full address.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

CHATTY: Final = ("alembic",)
"""Libraries whose INFO tells an operator nothing."""

OURS: Final = ("itm", "collectors", "models")
"""Packages that say in their own words what may be logged; of others, addresses are taken out."""

_ADDRESS: Final = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,}[0-9a-fA-F:.]*"
    r"|[0-9a-fA-F]{1,4}::[0-9a-fA-F:.]*|(?<![\w:])::[0-9a-fA-F][0-9a-fA-F:.]*"
)


class KeyValueFormatter(logging.Formatter):
    """Formats a record as `<UTC time> <LEVEL> <process> <event> key=value …` and its traceback after it.

    Tracebacks, and what libraries say, hold no full addresses: they quote what strangers send.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line (several, when there is a traceback)."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        pairs = [f"{k}={_quote(v)}" for k, v in record.__dict__.items() if k not in _STANDARD]
        message = record.getMessage()
        if record.name.partition(".")[0] not in OURS:
            message = without_addresses(message)
        line = " ".join([f"{at}Z {record.levelname} {self._process} {message}", *pairs])
        if record.exc_info:
            line += "\n" + without_addresses(self.formatException(record.exc_info))
        return line


def without_addresses(text: str) -> str:
    """Return text that nobody here has written, without the full addresses that may stand in it."""
    return _ADDRESS.sub("(an address)", text)


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
