"""The `locations:` of a service: where its VDAs are, for the step `joint`."""

from __future__ import annotations

import ipaddress

from itm.catalog import geos
from itm.catalog.cursor import Cursor
from itm.catalog.types import Location

KEYS = ("country", "lat", "lon", "weight", "network")
REQUIRED = ("country", "lat", "lon")
NETWORK_BITS = {4: 24, 6: 48}
"""What measurements are kept by: a network, never an address."""


def read_locations(cursor: Cursor) -> tuple[Location, ...]:
    """Return the Resource Locations in file order."""
    entries = cursor.entries()
    if not entries and isinstance(cursor.value, dict):
        cursor.refuse("expected at least one Resource Location")
    return tuple(_read_location(name, entry) for name, entry in entries.items())


def _read_location(name: str, cursor: Cursor) -> Location:
    fields = cursor.fields(KEYS, REQUIRED)
    return Location(
        name=name,
        country=geos.read_country(fields["country"]) if "country" in fields else "",
        lat=fields["lat"].number(-90, 90) if "lat" in fields else 0.0,
        lon=fields["lon"].number(-180, 180) if "lon" in fields else 0.0,
        weight=fields["weight"].number(0.001, 1e9) if "weight" in fields else 1.0,
        network=_read_network(fields["network"]) if "network" in fields else "",
    )


def _read_network(cursor: Cursor) -> str:
    text = cursor.text()
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        if text:
            cursor.refuse(str(error))
        return ""
    if network.prefixlen != NETWORK_BITS[network.version]:
        cursor.refuse(f"expected a network of /{NETWORK_BITS[network.version]}, got {text!r}")
    return str(network)
