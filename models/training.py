"""The shipped training table: who measured whom, and in how many milliseconds.

Reads `nodes.csv` and `pairs.csv.gz` (docs/model-card.md describes them) into one frozen value. Knows no
addresses and no identities, because the files hold none. Refuses a damaged table with every reason at once.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from models.errors import TrainingError
from models.sites import Sites

NODES: Final = "nodes.csv"
PAIRS: Final = "pairs.csv.gz"
NODE_COLUMNS: Final = (
    "node", "lat", "lon", "country", "continent", "group", "role", "cloud",
    "geoip_lat", "geoip_lon", "geoip_country",
)  # fmt: skip
PAIR_COLUMNS: Final = ("client", "server", "rtt_ms")
MOST_REASONS: Final = 20
"""Reasons listed of a damaged table; the rest are counted."""

Row = Mapping[str, str | None]
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTable:
    """`n` nodes and the round trips between them.

    `rtt_ms` is `(n, n)`, client by server, NaN where nobody measured either direction and on the diagonal;
    a direction that was not measured holds its reverse. `group` is what leaves training together
    (an AS, or a place where the AS is not known). `is_server`: the node stands in for a POP. `geoip` is where
    a public table puts each node (NaN where its address is not known).
    """

    sites: Sites
    geoip: Sites
    group: npt.NDArray[np.int64]
    is_server: npt.NDArray[np.bool_]
    rtt_ms: npt.NDArray[np.float64]
    digest: str

    def __len__(self) -> int:
        return len(self.sites)


def load(directory: Path) -> TrainingTable:
    """Read the table from its directory. Raises `TrainingError` with every reason."""
    reasons: list[str] = []
    files = {name: _read(directory / name, reasons) for name in (NODES, PAIRS)}
    _raise(reasons)
    rows = _rows(files[NODES], NODES, NODE_COLUMNS, reasons)
    nodes = _nodes(rows, reasons)
    pairs = _pairs(_rows(files[PAIRS], PAIRS, PAIR_COLUMNS, reasons), len(rows), reasons)
    _raise(reasons)
    digest = hashlib.sha256(b"".join(hashlib.sha256(files[name]).digest() for name in (NODES, PAIRS)))
    return TrainingTable(
        sites=Sites.of(*zip(*(node.site for node in nodes), strict=True)),
        geoip=Sites.of(*zip(*(node.geoip for node in nodes), strict=True)),
        group=np.array([n.group for n in nodes], np.int64),
        is_server=np.array([n.is_server for n in nodes], np.bool_),
        rtt_ms=_matrix(pairs, len(nodes)),
        digest=digest.hexdigest(),
    )


@dataclass(frozen=True, slots=True)
class _Node:
    site: tuple[float, float, str, str]  # lat, lon, country, provider
    geoip: tuple[float, float, str]
    group: int
    is_server: bool


def _read(path: Path, reasons: list[str]) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        reasons.append(f"{path.name}: {error}")
        return b""


def _rows(data: bytes, name: str, columns: Sequence[str], reasons: list[str]) -> list[Row]:
    reader = csv.DictReader(io.StringIO(data.decode("utf-8", "replace")))
    if tuple(reader.fieldnames or ()) != tuple(columns):
        reasons.append(f"{name}: line 1: expected the columns {','.join(columns)}")
        return []
    return list(reader)


def _nodes(rows: Sequence[Row], reasons: list[str]) -> list[_Node]:
    return _parse(rows, _node, NODES, reasons)


def _node(index: int, row: Row) -> _Node:
    if row["node"] != str(index):
        raise ValueError(f"expected node {index}, got {row['node']!r}")
    if row["role"] not in ("client", "server"):
        raise ValueError(f"expected the role client or server, got {row['role']!r}")
    group, is_server = int(_number(row, "group", 0, 1e9)), row["role"] == "server"
    geoip = _place(row, "geoip_") if row["geoip_lat"] else (math.nan, math.nan, "")
    return _Node((*_place(row, ""), row["cloud"] or ""), geoip, group, is_server)


def _place(row: Row, prefix: str) -> tuple[float, float, str]:
    lat, lon = _number(row, f"{prefix}lat", -90, 90), _number(row, f"{prefix}lon", -180, 180)
    country = row[f"{prefix}country"] or ""
    if not (len(country) == 2 and country.isascii() and country.isupper()):
        raise ValueError(f"{prefix}country: expected a country code, got {country!r}")
    return lat, lon, country


def _pairs(rows: Sequence[Row], nodes: int, reasons: list[str]) -> list[tuple[int, int, float]]:
    def pair(_: int, row: Row) -> tuple[int, int, float]:
        client, server = (int(_number(row, end, 0, nodes - 1)) for end in ("client", "server"))
        if client == server:
            raise ValueError(f"node {client} paired with itself")
        return client, server, _number(row, "rtt_ms", 0, 60_000)

    return _parse(rows, pair, PAIRS, reasons)


def _parse(
    rows: Sequence[Row], parse: Callable[[int, Row], Parsed], name: str, reasons: list[str]
) -> list[Parsed]:
    parsed = []
    for index, row in enumerate(rows):
        try:
            parsed.append(parse(index, row))
        except ValueError as error:
            reasons.append(f"{name}: line {index + 2}: {error}")
    if not rows and not reasons:
        reasons.append(f"{name}: line 2: expected at least one row")
    return parsed


def _number(row: Row, column: str, least: float, most: float) -> float:
    try:
        number = float(row[column] or "")
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise ValueError(f"{column}: expected a number from {least:g} to {most:g}, got {row[column]!r}")
    return number


def _matrix(pairs: Sequence[tuple[int, int, float]], nodes: int) -> npt.NDArray[np.float64]:
    """Return the round trips, client by server, a missing direction filled from its reverse."""
    client, server, rtt_ms = (np.array(column) for column in zip(*pairs, strict=True))
    matrix = np.full((nodes, nodes), np.nan)
    matrix[client, server] = rtt_ms
    return np.where(np.isnan(matrix), matrix.T, matrix)


def _raise(reasons: Sequence[str]) -> None:
    if reasons:
        more = len(reasons) - MOST_REASONS
        raise TrainingError([*reasons[:MOST_REASONS], *([f"… and {more} more"] if more > 0 else [])])
