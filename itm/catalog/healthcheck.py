"""How a POP is checked, as written in a `healthcheck:` section. Knows no sockets.

Which keys a kind of check has, and what it takes for granted, is one table; a key of another kind is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from itm.catalog.cursor import Cursor
from itm.catalog.types import HealthCheck

PORTS: Final = {"tcp": 443, "tls": 443, "http": 80, "https": 443, "dns": 53, "gateway": 443}
COMMON: Final = (
    "protocol", "address", "port", "interval_seconds", "timeout_seconds", "rise", "fall", "start",
)  # fmt: skip
TLS: Final = ("sni", "verify", "certificate_days")
HTTP: Final = ("path", "host", "status", "header", "body")
DNS: Final = ("name", "type", "rcode", "answer", "transport")
KEYS: Final = (*COMMON, *HTTP, *TLS, *DNS)
OF_KIND: Final = {"tcp": (), "tls": TLS, "http": HTTP, "https": (*HTTP, *TLS), "dns": DNS, "gateway": TLS}
STARTS: Final = ("up", "down", "unknown")
RCODES: Final = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
TYPES: Final = (
    "A", "AAAA", "CNAME", "NS", "SOA", "TXT", "MX", "SRV", "PTR", "CAA", "HTTPS", "SVCB", "DS", "DNSKEY",
)  # fmt: skip

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\s*:\s*\S.*)?")  # RFC 9110 5.6.2
_NAME = re.compile(r"\.|(?:[A-Za-z0-9_*-]{1,63}\.)*[A-Za-z0-9_*-]{1,63}\.?")
_HOST = re.compile(rf"(?:{_NAME.pattern})(?::[0-9]{{1,5}})?")


def read_healthcheck(cursor: Cursor) -> HealthCheck:
    """Return the check; protocol words are taken in either case, as octoDNS writes them."""
    fields = cursor.fields(KEYS)
    protocol = _protocol(fields["protocol"]) if "protocol" in fields else "tcp"
    for name in fields.keys() - {*COMMON, *OF_KIND[protocol]}:
        kinds = [kind for kind, names in OF_KIND.items() if name in names]
        fields[name].refuse(f"a {protocol} check has none; set `protocol: {kinds[0]}`{_others(kinds[1:])}")
    given = {
        _FIELDS.get(name, name): read(fields[name])
        for name, read in _READERS.items()
        if name in fields and name in (*COMMON, *OF_KIND[protocol])
    }
    check = replace(HealthCheck(protocol=protocol, port=PORTS[protocol]), **given)
    return _with_names(check, given)


def _with_names(check: HealthCheck, given: Mapping[str, Any]) -> HealthCheck:
    """An HTTPS check by name asks TLS for that name too; a name is verified unless that is switched off."""
    name = check.host.partition(":")[0].rstrip(".")
    named = replace(check, sni=check.sni or name) if check.protocol == "https" else check
    return named if "verify" in given else replace(named, verify=bool(named.sni))


def _others(kinds: list[str]) -> str:
    return f" or {', '.join(kinds)}" if kinds else ""


def _protocol(cursor: Cursor) -> str:
    return _word(cursor, tuple(PORTS), str.lower) or "tcp"


def _word(cursor: Cursor, words: tuple[str, ...], case: Callable[[str], str]) -> str:
    value = case(cursor.value) if isinstance(cursor.value, str) else cursor.value
    return replace(cursor, value=value).one_of(words)


def _path(cursor: Cursor) -> str:
    text = cursor.text(1024)
    if text and (not text.startswith("/") or " " in text or not text.isascii()):
        cursor.refuse(f"expected an ASCII path that starts with `/`, got {text!r}")
    return text


def _status(cursor: Cursor) -> tuple[tuple[int, int], ...]:
    """Read `200`, `200-299`, or a list of those."""
    found = []
    for item in cursor.items(1) if isinstance(cursor.value, list) else [cursor]:
        low, dash, high = str(item.value).partition("-")
        is_good = low.isdecimal() and (high.isdecimal() or not dash) and not isinstance(item.value, bool)
        pair = (int(low), int(high or low)) if is_good else (0, 0)
        if 100 <= pair[0] <= pair[1] <= 599:
            found.append(pair)
        else:
            item.refuse(
                f"expected an HTTP status such as 200, or a range such as 200-299, got {item.value!r}"
            )
    return tuple(found)


def _header(cursor: Cursor) -> str:
    text = cursor.text(500)
    if text and not _HEADER.fullmatch(text):
        cursor.refuse(f"expected `Name` or `Name: value`, got {text!r}")
    return text


def _host(cursor: Cursor) -> str:
    text = cursor.text(253)
    if text and not _HOST.fullmatch(text):
        cursor.refuse(f"expected a host name, perhaps with `:port`, got {text!r}")
    return text


def _sni(cursor: Cursor) -> str:
    text = cursor.text(253)
    if text and not _NAME.fullmatch(text):
        cursor.refuse(f"expected a host name, got {text!r}")
    return text.rstrip(".")


def _name(cursor: Cursor) -> str:
    text = cursor.text(254)
    if text and not _NAME.fullmatch(text):
        cursor.refuse(f"expected a DNS name such as gw.example.net., got {text!r}")
        return "."
    return text if text.endswith(".") else f"{text}."


_FIELDS: Final = {"type": "record_type"}
_READERS: Final[Mapping[str, Callable[[Cursor], Any]]] = {
    "address": Cursor.address,
    "port": lambda c: c.integer(1, 65535),
    "interval_seconds": lambda c: c.number(0.1, 3600),
    "timeout_seconds": lambda c: c.number(0.05, 60),
    "rise": lambda c: c.integer(1, 100),
    "fall": lambda c: c.integer(1, 100),
    "start": lambda c: _word(c, STARTS, str.lower) or "up",
    "path": _path,
    "host": _host,
    "status": _status,
    "header": _header,
    "body": lambda c: c.text(1000),
    "sni": _sni,
    "verify": Cursor.switch,
    "certificate_days": lambda c: c.number(0, 3650),
    "name": _name,
    "type": lambda c: _word(c, TYPES, str.upper) or "A",
    "rcode": lambda c: _word(c, RCODES, str.upper) or "NOERROR",
    "answer": lambda c: c.text(500),
    "transport": lambda c: _word(c, ("udp", "tcp"), str.lower) or "udp",
}
