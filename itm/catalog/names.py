"""DNS names as the catalog writes them: lower-case, absolute, with the final dot."""

from __future__ import annotations

import re
from collections.abc import Container

from itm.catalog.cursor import Cursor

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST = 253  # RFC 1035 2.3.4: 255 octets on the wire


def read_name(cursor: Cursor, text: str) -> str:
    """Return the normal form of a host name (with its final dot), or an empty text after refusing."""
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > _LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        cursor.refuse(f"{text!r} is no DNS name of letters, digits, `-` and `_`")
        return ""
    return name + "."


def closest(name: str, zones: Container[str]) -> str:
    """Return the zone that a name lies in, the longest, empty when there is none; all in normal form."""
    while name and name not in zones:
        name = name.partition(".")[2]
    return name
