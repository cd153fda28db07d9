"""A RouteMap as one file: versioned, checksummed, mapped in place by its readers.

Layout (little endian; docs/snapshot.md): a fixed header with the SHA-256 of all that follows it, a
section table, then sections on 64-byte borders: one JSON section with names, addresses, services and
zones, and the flat arrays of every class. Anything that is not exactly that is a `SnapshotError`.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.catalog.types import Dnssec, Form, Secondary, ZoneText
from itm.errors import SnapshotError
from itm.routemap.current import sync_directory
from itm.routemap.routemap import ClassMap, PopAnswer, RouteMap, ServiceAnswer
from itm.routemap.table import PrefixTable, UnitTable

MAGIC: Final = b"ITMROUTE"
FORMAT: Final = 4
READABLE: Final = (3, 4)
"""Format 3 has neither shares nor TTLs of leaves: what the release before wrote is still answered from."""
PREFIX: Final = struct.Struct("<8sIIQQ")  # magic, format, sections, version, length of the file
DIGEST_BYTES: Final = 32  # SHA-256 of the prefix and of everything behind the digest
HEADER_BYTES: Final = PREFIX.size + DIGEST_BYTES
ENTRY: Final = struct.Struct("<HHIQQ")  # kind, class, bytes of one item, offset, length in bytes
ALIGN: Final = 64
META: Final = 0
NO_CLASS: Final = 0xFFFF

KINDS: Final = {
    "v4_start": (1, "<u4"),
    "v4_leaf": (2, "<u4"),
    "v6_start": (3, "<u8"),
    "v6_leaf": (4, "<u4"),
    "leaves": (5, "<u2"),
    "leaf_tail": (6, "<u2"),
    "tails": (7, "<u2"),
    "tail_end": (8, "<u4"),
    "resolver4_unit": (9, "<u4"),
    "resolver4_leaf": (10, "<u4"),
    "resolver6_unit": (11, "<u8"),
    "resolver6_leaf": (12, "<u4"),
    "shares": (13, "<u1"),
    "ttl": (14, "<u1"),
}
"""Array sections of a class: kind number and item type."""

SINCE_FORMAT_4: Final = frozenset({"shares", "ttl"})


@dataclass(frozen=True, slots=True)
class _Section:
    kind: int
    class_index: int
    item: int
    body: bytes | memoryview


def write(routemap: RouteMap, path: Path) -> str:
    """Write the map to `path` (temporary file, fsync, rename); returns its SHA-256 in hex.

    Raises `SnapshotError` for a map that is wrong inside, `OSError` when the disk refuses.
    """
    problems = routemap.problems()
    if problems:
        raise SnapshotError(f"{path}: " + "; ".join(problems))
    sections = [_Section(META, NO_CLASS, 1, _meta(routemap)), *_arrays(routemap)]
    body = _body(sections)
    prefix = PREFIX.pack(MAGIC, FORMAT, len(sections), routemap.version, HEADER_BYTES + len(body))
    digest = hashlib.sha256(prefix + body)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with fresh.open("wb") as file:
        file.write(prefix + digest.digest() + body)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(path.parent)
    return digest.hexdigest()


def read(path: Path, *, verify: bool = True) -> RouteMap:
    """Return the map in the file, its arrays as read-only views of the mapped bytes.

    `verify` also computes the checksum and checks every index. Raises `SnapshotError` on any damage,
    and when the file is missing or unreadable.
    """
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise SnapshotError(f"{path}: {error}") from error
    try:
        routemap = _parse(data, verify)
        problems = routemap.problems() if verify else []
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError, struct.error) as error:
        raise SnapshotError(f"{path}: {error}") from error
    if problems:
        raise SnapshotError(f"{path}: " + "; ".join(problems))
    return routemap


def _meta(routemap: RouteMap) -> bytes:
    meta = {
        "built_at": routemap.built_at,
        "catalog_version": routemap.catalog_version,
        "basis": routemap.basis,
        "pops": [[pop.id, pop.ipv4, pop.ipv6] for pop in routemap.pops],
        "services": [
            [
                one.name,
                one.class_index,
                one.ttl,
                one.ipv4_values,
                one.ipv6_values,
                _form(one),
                one.fallback,
                one.ttl_most,
            ]
            for one in routemap.services
        ],
        "zones": [
            [zone.name, zone.text, zone.includes, _dnssec(zone), _secondaries(zone)]
            for zone in routemap.zones
        ],
        "ranks": [one.leaves.shape[1] for one in routemap.classes],
        "probe_zone": routemap.probe_zone,
    }
    return json.dumps(meta, ensure_ascii=False, separators=(",", ":")).encode()


def _arrays(routemap: RouteMap) -> Iterator[_Section]:
    for index, one in enumerate(routemap.classes):
        arrays = {
            "v4_start": one.v4.start,
            "v4_leaf": one.v4.leaf,
            "v6_start": one.v6.start,
            "v6_leaf": one.v6.leaf,
            "leaves": one.leaves,
            "leaf_tail": one.leaf_tail,
            "tails": np.concatenate([np.array([], "<u2"), *one.tails]),
            "tail_end": np.cumsum([len(tail) for tail in one.tails]),
            "resolver4_unit": one.resolvers4.unit,
            "resolver4_leaf": one.resolvers4.leaf,
            "resolver6_unit": one.resolvers6.unit,
            "resolver6_leaf": one.resolvers6.leaf,
            "shares": one.shares,
            "ttl": one.ttl,
        }
        for name, array in arrays.items():
            kind, dtype = KINDS[name]
            flat = np.ascontiguousarray(array, dtype=dtype).reshape(-1)
            yield _Section(kind, index, flat.itemsize, flat.tobytes())


def _body(sections: list[_Section]) -> bytes:
    offset = HEADER_BYTES + ENTRY.size * len(sections)
    entries, parts = [], []
    for section in sections:
        padding = -offset % ALIGN
        parts += [bytes(padding), bytes(section.body)]
        offset += padding
        entries.append(ENTRY.pack(section.kind, section.class_index, section.item, offset, len(section.body)))
        offset += len(section.body)
    return b"".join(entries + parts)


def _parse(data: memoryview, verify: bool) -> RouteMap:
    if len(data) < HEADER_BYTES:
        raise ValueError("shorter than its header")
    magic, form, count, version, length = PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("not a map file")
    if form not in READABLE:
        raise ValueError(f"format {form}, expected {' or '.join(map(str, READABLE))}")
    if length != len(data):
        raise ValueError(f"{len(data)} bytes, {length} expected")
    if verify and _digest_of(data) != data[PREFIX.size : HEADER_BYTES]:
        raise ValueError("the checksum does not fit")
    sections = _sections(data, count)
    has_shares = form >= FORMAT
    meta = json.loads(bytes(sections[META, NO_CLASS][0]))
    ranks: list[int] = meta["ranks"]
    return RouteMap(
        version=version,
        built_at=float(meta["built_at"]),
        catalog_version=int(meta["catalog_version"]),
        basis=str(meta["basis"]),
        pops=tuple(PopAnswer(name, tuple(v4), tuple(v6)) for name, v4, v6 in meta["pops"]),
        services=tuple(
            ServiceAnswer(
                name, int(index), int(ttl), tuple(v4), tuple(v6), Form(*form), fallback, *map(int, most)
            )
            for name, index, ttl, v4, v6, form, fallback, *most in meta["services"]
        ),
        classes=tuple(_class_of(sections, index, k, has_shares) for index, k in enumerate(ranks)),
        zones=tuple(_zone(*zone) for zone in meta["zones"]),
        probe_zone=str(meta["probe_zone"]),
    )


def _form(service: ServiceAnswer) -> list[object]:
    form = service.form
    return [form.is_alias, form.has_direct, form.https, form.svcb]


def _dnssec(zone: ZoneText) -> list[object] | None:
    how = zone.dnssec
    return None if how is None else [how.algorithm, how.is_split, how.zsk_days]


def _secondaries(zone: ZoneText) -> list[list[object]]:
    return [[one.address, one.port, one.key] for one in zone.secondaries]


def _zone(
    name: str, text: str, includes: list[list[str]], how: list[Any] | None, others: list[list[Any]]
) -> ZoneText:
    pairs = tuple((file, content) for file, content in includes)
    secondaries = tuple(Secondary(*one) for one in others)
    return ZoneText(name, text, pairs, None if how is None else Dnssec(*how), secondaries)


def _digest_of(data: memoryview) -> bytes:
    digest = hashlib.sha256(data[: PREFIX.size])
    digest.update(data[HEADER_BYTES:])
    return digest.digest()


def _sections(data: memoryview, count: int) -> dict[tuple[int, int], tuple[memoryview, int]]:
    table_end = HEADER_BYTES + ENTRY.size * count
    if table_end > len(data):
        raise ValueError("the section table is cut")
    found = {}
    for kind, index, item, offset, length in ENTRY.iter_unpack(data[HEADER_BYTES:table_end]):
        if offset < table_end or offset % ALIGN or offset + length > len(data):
            raise ValueError(f"section {kind} of class {index} lies outside the file")
        found[kind, index] = (data[offset : offset + length], item)
    return found


def _class_of(
    sections: dict[tuple[int, int], tuple[memoryview, int]], index: int, ranks: int, has_shares: bool
) -> ClassMap:
    def array(name: str) -> npt.NDArray[Any]:
        kind, dtype = KINDS[name]
        if name in SINCE_FORMAT_4 and not has_shares:
            return np.zeros(0, dtype)
        body, item = sections[kind, index]
        if item != np.dtype(dtype).itemsize:
            raise ValueError(f"section {name} of class {index} has items of {item} bytes")
        return np.frombuffer(body, dtype=dtype)

    leaf_tail = array("leaf_tail")
    tails = np.split(array("tails"), array("tail_end")[:-1])
    return ClassMap(
        leaves=array("leaves").reshape(len(leaf_tail), ranks),
        leaf_tail=leaf_tail,
        tails=tuple(tails),
        v4=PrefixTable(24, array("v4_start"), array("v4_leaf")),
        v6=PrefixTable(48, array("v6_start"), array("v6_leaf")),
        resolvers4=UnitTable(24, array("resolver4_unit"), array("resolver4_leaf")),
        resolvers6=UnitTable(48, array("resolver6_unit"), array("resolver6_leaf")),
        shares=array("shares").reshape(-1, ranks) if ranks else np.zeros((0, 0), dtype=np.uint8),
        ttl=array("ttl"),
    )
