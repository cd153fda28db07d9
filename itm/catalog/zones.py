"""The `zones:` section: plain RFC 1035 files beside the catalog, named after their zone (`example.net.zone`).

Zone texts are opaque here. Whether one is sound, and has room for the services that lie in it, is judged by
the function that the caller passes in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from itm.catalog.cursor import Cursor
from itm.catalog.names import closest, read_name
from itm.catalog.types import Dnssec, Pop, Secondary, Service, ZoneText

SUFFIX = ".zone"
ALGORITHMS: Final = ("ecdsa-p256", "ed25519")
KEYS: Final = ("csk", "ksk-zsk")
_INCLUDE: Final = re.compile(r"^\$INCLUDE[ \t]+([^\s;]+)", re.MULTILINE | re.IGNORECASE)

CheckZone = Callable[[ZoneText, Sequence[Service], Sequence[Pop], Sequence[str], str], Sequence[str]]
"""A zone, the services that lie in it, the POPs, the names of the zones right below it, and the probe zone if
it lies in it, in; what is wrong with them, one text per fault, out."""


def no_check(
    zone: ZoneText, services: Sequence[Service], pops: Sequence[Pop], children: Sequence[str], probe_zone: str
) -> Sequence[str]:
    """Find no fault: for readers of catalogs that were checked before they were kept."""
    del zone, services, pops, children, probe_zone
    return ()


def file_names(value: object) -> list[str]:
    """Return the zone files that a `zones:` value names, as far as they are plain file names."""
    items = value if isinstance(value, list) else []
    files = [item.get("file") if isinstance(item, dict) else item for item in items]
    return [file for file in files if isinstance(file, str) and _is_plain(file)]


def included(text: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that a zone text includes, and those include in turn, as far as they are there."""
    found: dict[str, str] = {}
    texts = [text]
    while texts:
        for file in _INCLUDE.findall(texts.pop()):
            if file in files and file not in found:
                found[file] = files[file]
                texts.append(files[file])
    return found


def include_names(text: str) -> list[str]:
    """Return the plain file names that a text includes itself."""
    return [file for file in _INCLUDE.findall(text) if _is_plain(file)]


def read_zones(cursor: Cursor, files: Mapping[str, str]) -> tuple[ZoneText, ...]:
    """Return the zones whose text stands in `files`."""
    zones: dict[str, ZoneText] = {}
    for entry in cursor.items():
        item, dnssec, secondaries = _entry(entry)
        file = item.text() if item is not None else ""
        if item is None or not file:
            continue
        if not _is_plain(file) or not file.endswith(SUFFIX):
            item.refuse(f"expected a file beside this one, named after its zone: `example.net{SUFFIX}`")
            continue
        name = read_name(item, file.removesuffix(SUFFIX))
        if name in zones:
            item.refuse(f"the zone {name!r} stands twice")
        elif file not in files:
            item.refuse(f"there is no file {file!r}")
        elif name:
            includes = tuple(included(files[file], files).items())
            zones[name] = ZoneText(name, files[file], includes, dnssec, secondaries)
    return tuple(zones.values())


def _entry(cursor: Cursor) -> tuple[Cursor | None, Dnssec | None, tuple[Secondary, ...]]:
    """Return the file, how the zone is signed and its secondaries: `example.net.zone`, or a mapping."""
    if not isinstance(cursor.value, dict):
        return cursor, None, ()
    fields = cursor.fields(("file", "dnssec", "secondaries"), required=("file",))
    dnssec = _dnssec(fields["dnssec"]) if "dnssec" in fields else None
    return fields.get("file"), dnssec, _secondaries(fields["secondaries"]) if "secondaries" in fields else ()


def _secondaries(cursor: Cursor) -> tuple[Secondary, ...]:
    """Return the servers that may have the zone; each stands once."""
    found: dict[tuple[str, int], Secondary] = {}
    for item in cursor.items():
        fields = item.fields(("address", "port", "key"), required=("address",))
        address = fields["address"].address() if "address" in fields else ""
        port = fields["port"].integer(1, 65_535) if "port" in fields else 53
        key = read_name(fields["key"], fields["key"].text()) if "key" in fields else ""
        if (address, port) in found:
            item.refuse(f"{address} port {port} stands twice")
        elif address:
            found[address, port] = Secondary(address, port, key)
    return tuple(found.values())


def _dnssec(cursor: Cursor) -> Dnssec | None:
    """Return how a zone is signed: `true` by the defaults, `false` not, or a mapping."""
    if isinstance(cursor.value, bool):
        return Dnssec() if cursor.value else None
    fields = cursor.fields(("algorithm", "keys", "zsk_days"))
    plain = Dnssec()
    keys = fields["keys"].one_of(KEYS) if "keys" in fields else KEYS[0]
    if "zsk_days" in fields and keys != KEYS[1]:
        fields["zsk_days"].refuse("only `keys: ksk-zsk` has a ZSK")
    return Dnssec(
        fields["algorithm"].one_of(ALGORITHMS) if "algorithm" in fields else plain.algorithm,
        keys == KEYS[1],
        fields["zsk_days"].number(1, 3650) if "zsk_days" in fields else plain.zsk_days,
    )


def check_zones(
    cursor: Cursor,
    services: Iterable[Service],
    zones: Sequence[ZoneText],
    pops: Sequence[Pop],
    probe_zone: str,
    check: CheckZone,
) -> None:
    """Refuse services outside every zone and whatever `check` finds; `cursor` is that of the services."""
    homes: dict[str, list[Service]] = {zone.name: [] for zone in zones}
    for service in services:
        home = closest(service.name, homes)
        if home:
            homes[home].append(service)
        elif service.name:
            cursor.at(None, service.name).refuse("lies in no zone of this catalog")
    children: dict[str, list[str]] = {}
    for zone in zones:
        children.setdefault(closest(zone.name.partition(".")[2], homes), []).append(zone.name)
    for zone in zones:
        file = zone.name.removesuffix(".") + SUFFIX
        probed = probe_zone if closest(probe_zone, homes) == zone.name else ""
        found = check(zone, homes[zone.name], pops, children.get(zone.name, ()), probed)
        cursor.reasons.extend(f"{file}: {reason}" for reason in found)


def _is_plain(file: str) -> bool:
    return not set(file) & {"/", "\\", "\0"} and not file.startswith(".")
