"""The `rum:` section: the probe zone, right below which each browser session has a name of its own.

What answers those names is a wildcard of a static zone; whether it is there is judged with the zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from itm.catalog.cursor import Cursor
from itm.catalog.names import closest, read_name
from itm.catalog.types import ZoneText

LONGEST: Final = 200
"""Characters: a session's label of 26 and a dot still fit before it (RFC 1035 2.3.4: 253)."""


def read_probe_zone(cursor: Cursor, zones: Iterable[ZoneText]) -> str:
    """Return the probe zone's name in normal form; empty where there is none, or after refusing."""
    fields = cursor.fields(("probe_zone",))
    if "probe_zone" not in fields:
        return ""
    item = fields["probe_zone"]
    name = read_name(item, item.text(LONGEST))
    if name and not closest(name, {zone.name for zone in zones}):
        item.refuse(f"{name} lies in no zone of this catalog")
        return ""
    return name
