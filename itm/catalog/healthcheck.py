"""How a POP is checked, as written in a `healthcheck:` section. Knows no sockets."""

from __future__ import annotations

from dataclasses import replace

from itm.catalog.cursor import Cursor
from itm.catalog.types import HealthCheck

PORTS = {"tcp": 443, "http": 80, "https": 443}
KEYS = ("protocol", "address", "port", "path", "host", "interval_seconds", "timeout_seconds", "rise", "fall")


def read_healthcheck(cursor: Cursor) -> HealthCheck:
    """Return the check; protocol words are taken in either case, as octoDNS writes them."""
    fields = cursor.fields(KEYS)
    protocol = _protocol(fields["protocol"]) if "protocol" in fields else "tcp"
    check = HealthCheck(
        protocol=protocol,
        address=fields["address"].address() if "address" in fields else "",
        port=fields["port"].integer(1, 65535) if "port" in fields else PORTS[protocol],
        path=_path(fields["path"]) if "path" in fields else "/healthz",
        host=fields["host"].text(253) if "host" in fields else "",
        interval_seconds=fields["interval_seconds"].number(0.1, 3600)
        if "interval_seconds" in fields
        else 0.0,
        timeout_seconds=fields["timeout_seconds"].number(0.05, 60) if "timeout_seconds" in fields else 0.0,
        rise=fields["rise"].integer(1, 100) if "rise" in fields else 0,
        fall=fields["fall"].integer(1, 100) if "fall" in fields else 0,
    )
    if protocol == "tcp":
        for name in ("path", "host"):
            if name in fields:
                fields[name].refuse("a tcp check has none; set `protocol: http` or `https`")
    return check


def _protocol(cursor: Cursor) -> str:
    lowered = cursor.value.lower() if isinstance(cursor.value, str) else cursor.value
    return replace(cursor, value=lowered).one_of(tuple(PORTS)) or "tcp"


def _path(cursor: Cursor) -> str:
    text = cursor.text(1024)
    if text and (not text.startswith("/") or " " in text or not text.isascii()):
        cursor.refuse(f"expected an ASCII path that starts with `/`, got {text!r}")
    return text
