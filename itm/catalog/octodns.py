"""octoDNS zone files with `dynamic` A and AAAA records in, our `services:` out, and notes on the rest.

Values become the ids of the POPs that have those addresses. What octoDNS puts on a record and we put on a
POP, or do not have at all, is left out and told in a note; `itm catalog check` is the judge of the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from itm.catalog.cursor import Cursor
from itm.catalog.document import parse, render
from itm.errors import CatalogError

DEFAULT_TTL = 3600  # what octoDNS gives a record without one


BY_WEIGHT = ("up", "allowed", "available", "weighted")
"""The chain of a record with weights: what octoDNS' providers do, and no more."""

WEIGHTS_KEPT = (
    "weights kept: the chain draws by them alone, as octoDNS does; `fastest` before it: among the fastest"
)


@dataclass(frozen=True, slots=True)
class Imported:
    """YAML text of the services, and one note for each thing a person must look at."""

    text: str
    notes: tuple[str, ...]


def convert(text: str, file: str, zone: str, addresses: Mapping[str, str]) -> Imported:
    """Convert an octoDNS zone file; `addresses` maps served addresses to POP ids.

    Raises `CatalogError` if the file has another form than octoDNS files have.
    """
    root = Cursor(parse(text, file), file, "", [])
    services: dict[str, Any] = {}
    checks: list[Mapping[str, Any]] = []
    notes: list[str] = []
    for where, record in _records(root):
        kind = record.get("type")
        name = _full_name(where.path, zone)
        if "dynamic" not in record:
            notes.append(f"{name} {kind}: a static record, left for a zone file")
        elif kind not in {"A", "AAAA"}:
            notes.append(f"{name} {kind}: only A and AAAA are steered, left out")
        else:
            _merge(services, name, _service(where, record, addresses, notes), notes)
            check = _healthcheck(record)
            checks.extend([check] if check and check not in checks else [])
    if root.reasons:
        raise CatalogError(root.reasons)
    document: dict[str, Any] = {"services": services}
    if len(checks) == 1:
        document = {"healthcheck": checks[0], **document}
    elif checks:
        notes.append(f"{len(checks)} different health checks: put each into its POPs: {checks}")
    return Imported(render(document), tuple(notes))


def _records(root: Cursor) -> Iterator[tuple[Cursor, dict[str, Any]]]:
    if not isinstance(root.value, dict):
        root.refuse("expected a mapping of names to records")
        return
    for name, value in root.value.items():
        for record in value if isinstance(value, list) else [value]:
            where = root.at(record, str(name))
            if isinstance(record, dict):
                yield where, record
            else:
                where.refuse(f"expected a record, got {type(record).__name__}")


def _full_name(label: str, zone: str) -> str:
    absolute = zone.lower().removesuffix(".") + "."
    return f"{label.lower()}.{absolute}" if label else absolute


def _service(
    where: Cursor, record: Mapping[str, Any], addresses: Mapping[str, str], notes: list[str]
) -> dict[str, Any]:
    dynamic = where.at(record["dynamic"], "dynamic").fields(("pools", "rules"), ("pools", "rules"))
    if len(dynamic) < 2:
        return {}
    pools = {name: _pool(pool, addresses, notes) for name, pool in dynamic["pools"].entries().items()}
    rules = [
        {key: field.value for key, field in rule.fields(("pool", "geos", "subnets")).items()}
        for rule in dynamic["rules"].items()
    ]
    service = {"ttl": record.get("ttl", DEFAULT_TTL), "pools": pools, "rules": rules}
    if any(
        isinstance(value, dict) and "weight" in value for pool in pools.values() for value in pool["values"]
    ):
        service["steer"] = list(BY_WEIGHT)
        note = f"{where.path}: {WEIGHTS_KEPT}"
        notes.extend([note] if note not in notes else [])  # A and AAAA are one service
    values = record.get("values", record.get("value"))
    if values:
        service["values"] = list(values) if isinstance(values, list) else [values]
    return service


def _pool(cursor: Cursor, addresses: Mapping[str, str], notes: list[str]) -> dict[str, Any]:
    fields = cursor.fields(("values", "fallback"), ("values",))
    values: list[Any] = []
    for item in fields["values"].items(least=1) if "values" in fields else []:
        value = item.fields(("value", "weight", "status"), ("value",))
        if "value" not in value:
            continue
        entry = _value(value["value"], addresses, notes)
        status = value["status"].value if "status" in value else "obey"
        if status == "up":
            notes.append(f"{item.path}: status up left out: force the POP with `itm pop up`")
        said = {"weight": weight} if (weight := _weight(value)) != 1 else {}
        said |= {"status": status} if status == "down" else {}
        values.append({"value": entry, **said} if said else entry)
    pool: dict[str, Any] = {"values": values}
    if "fallback" in fields and fields["fallback"].value != "default":  # octoDNS: the record's own values
        pool["fallback"] = fields["fallback"].value
    return pool


def _weight(value: Mapping[str, Cursor]) -> object:
    return value["weight"].value if "weight" in value else 1


def _value(cursor: Cursor, addresses: Mapping[str, str], notes: list[str]) -> str:
    text = cursor.text()
    if text not in addresses:
        notes.append(f"{cursor.path}: no POP has the address {text}: add one to `pops:`")
    return addresses.get(text, text)


def _healthcheck(record: Mapping[str, Any]) -> dict[str, Any]:
    settings = record.get("octodns")
    check = settings.get("healthcheck") if isinstance(settings, dict) else None
    if not isinstance(check, dict):
        return {}
    known = {name: check[name] for name in ("protocol", "host", "path", "port") if name in check}
    protocol = str(known.get("protocol", "HTTPS")).lower()
    if protocol == "tcp":
        return {"protocol": protocol, "port": known.get("port", 443)}
    return {"path": "/_dns", **known, "protocol": protocol, "port": known.get("port", 443)}


def _merge(services: dict[str, Any], name: str, service: dict[str, Any], notes: list[str]) -> None:
    """Join the A and the AAAA record of a name: they differ in their last-resort values only."""
    earlier = services.get(name)
    if earlier is None:
        services[name] = service
        return
    if any(earlier.get(key) != service.get(key) for key in ("pools", "rules")):
        notes.append(f"{name}: A and AAAA are steered differently; the first one is kept: a POP serves both")
    earlier["ttl"] = min(earlier.get("ttl", DEFAULT_TTL), service.get("ttl", DEFAULT_TTL))
    if "values" in service:
        earlier["values"] = [*earlier.get("values", []), *service["values"]]
