"""The `pops:` section: where the gateway runs. Yields `Pop` values in file order."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from itm.catalog import geos
from itm.catalog.cursor import Cursor
from itm.catalog.healthcheck import read_healthcheck
from itm.catalog.types import HealthCheck, Pop

KEYS = (
    "provider", "city", "country", "lat", "lon", "ipv4", "ipv6", "capacity", "bias", "cost", "tags",
    "healthcheck", "probe_url",
)  # fmt: skip
REQUIRED = ("provider", "city", "country", "lat", "lon", "ipv4")
MOST = 65_534  # a map numbers POPs in 16 bits; 65,535 pads its leaves

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_BEYOND_PATH = re.compile(r"[?#\\\s]")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def read_pops(cursor: Cursor, default: HealthCheck | None) -> tuple[Pop, ...]:
    """Return the POPs; `default` is the check of those that name none."""
    entries = cursor.entries()
    if not entries and isinstance(cursor.value, dict):
        cursor.refuse("expected at least one POP")
    if len(entries) > MOST:
        cursor.refuse(f"{len(entries)} POPs; at most {MOST}")
    pops = tuple(_read_pop(name, entry, default) for name, entry in entries.items())
    _refuse_shared_addresses(cursor, pops)
    return pops


def _read_pop(name: str, cursor: Cursor, default: HealthCheck | None) -> Pop:
    if not _ID.fullmatch(name):
        cursor.refuse("an id is 1 to 32 of A-Z a-z 0-9 . _ - and starts with a letter or digit")
    fields = cursor.fields(KEYS, REQUIRED)
    return Pop(
        id=name,
        provider=fields["provider"].text(64) if "provider" in fields else "",
        city=fields["city"].text(100) if "city" in fields else "",
        country=geos.read_country(fields["country"]) if "country" in fields else "",
        lat=fields["lat"].number(-90, 90) if "lat" in fields else 0.0,
        lon=fields["lon"].number(-180, 180) if "lon" in fields else 0.0,
        ipv4=_addresses(fields.get("ipv4"), 4),
        ipv6=_addresses(fields.get("ipv6"), 6),
        capacity=fields["capacity"].number(0, 1e12) if "capacity" in fields else 0.0,
        bias=fields["bias"].number(-10_000, 10_000) if "bias" in fields else 0.0,
        cost=fields["cost"].number(0, 1e12) if "cost" in fields else None,
        tags=read_tags(fields["tags"]) if "tags" in fields else (),
        healthcheck=read_healthcheck(fields["healthcheck"]) if "healthcheck" in fields else default,
        probe_url=_probe_url(fields["probe_url"]) if "probe_url" in fields else "",
    )


def read_tags(cursor: Cursor) -> tuple[str, ...]:
    """Return tags, each once."""
    tags: list[str] = []
    for item in cursor.texts():
        tag = item.text()
        if not _TAG.fullmatch(tag):
            item.refuse("a tag is 1 to 64 of A-Z a-z 0-9 . _ : - and starts with a letter or digit")
        elif tag in tags:
            item.refuse(f"{tag!r} stands twice")
        else:
            tags.append(tag)
    return tuple(tags)


def _probe_url(cursor: Cursor) -> str:
    """Return the base of the URLs of a POP's probe objects, without a slash at its end."""
    text = cursor.text()
    try:
        parts = urlsplit(text)
        is_base = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_base = False
    if text and (not is_base or parts.username is not None or _BEYOND_PATH.search(text)):
        cursor.refuse(
            f"expected http://HOST[:PORT] or https://HOST[:PORT], with a path or without, got {text!r}"
        )
        return ""
    return text.rstrip("/")


def _addresses(cursor: Cursor | None, family: int) -> tuple[str, ...]:
    if cursor is None:
        return ()
    kind = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    found: list[str] = []
    for item in cursor.texts(least=1 if family == 4 else 0):
        try:
            address = kind(item.text())
        except ValueError:
            item.refuse(f"expected an IPv{family} address, got {item.value!r}")
            continue
        if address.is_multicast or address.is_unspecified or "%" in str(address):
            item.refuse(f"{address} cannot be served to clients")
        else:
            found.append(str(address))
    return tuple(found)


def _refuse_shared_addresses(cursor: Cursor, pops: tuple[Pop, ...]) -> None:
    owners: dict[str, str] = {}
    for pop in pops:
        for family, addresses in (("ipv4", pop.ipv4), ("ipv6", pop.ipv6)):
            for address in addresses:
                path = f"{pop.id}.{family}"
                if address in owners:
                    cursor.at(None, path).refuse(f"{address} is already at {owners[address]}")
                owners.setdefault(address, path)
