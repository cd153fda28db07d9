"""Derive `data/training` and `data/world14` from the anchor measurements in a source directory.

What leaves the source: coordinates rounded to 0.1 degree, country, continent, cloud and role of each node,
where a public GeoIP table puts its address (to 0.1 degree, and country), round-trip times to 0.01 ms. What
stays behind: ids, addresses, names, AS numbers. Nodes and groups are numbered by position, so that numbers
say nothing of the ids. The same source gives the same bytes.

    python data/derive_training.py SOURCE GEOIP [--to data]

SOURCE holds `nodes.csv`, `min_rtt.csv.gz` and `pops14.csv` (docs/model-card.md describes them); GEOIP is an
.mmdb file in the GeoIP2-City schema, such as DB-IP City Lite.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import maxminddb

DEGREES = 1  # decimals kept of a coordinate: about 11 km
MILLISECONDS = 2  # decimals kept of a round-trip time

Row = Mapping[str, str]


class Geoip(Protocol):
    """A GeoIP table: the record of an address."""

    def get(self, address: str) -> Any:
        """Return the record, or None."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the derived tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("geoip", type=Path)
    parser.add_argument("--to", type=Path, default=Path(__file__).resolve().parent)
    options = parser.parse_args(arguments)
    with maxminddb.open_database(options.geoip) as geoip:
        derive(options.source, geoip, options.to)
    return 0


def derive(source: Path, geoip: Geoip, target: Path) -> None:
    """Read the three source tables and write `training/` and `world14/` under `target`."""
    nodes = sorted(_rows(source / "nodes.csv"), key=_by_position)
    number = {row["id"]: index for index, row in enumerate(nodes)}
    _write(target / "training" / "nodes.csv", _node_rows(nodes, geoip))
    _write(target / "training" / "pairs.csv.gz", _pair_rows(_rows(source / "min_rtt.csv.gz"), number))
    _write(target / "world14" / "pops.csv", _pop_rows(_rows(source / "pops14.csv"), nodes, number))


def _by_position(row: Row) -> tuple[str, float, float, str]:
    """Order of the numbering; the RTT-free fields only, with the id as the last tie-break."""
    return row["country"], float(row["lat"]), float(row["lon"]), row["id"]


def _node_rows(nodes: Sequence[Row], geoip: Geoip) -> Iterable[Sequence[str]]:
    geoip_columns = "geoip_lat", "geoip_lon", "geoip_country"
    yield "node", "lat", "lon", "country", "continent", "group", "role", "cloud", *geoip_columns
    groups: dict[str, int] = {}
    for number, row in enumerate(nodes):
        group = groups.setdefault(row["group"], len(groups))
        lat, lon = _degrees(row["lat"]), _degrees(row["lon"])
        own = str(number), lat, lon, row["country"], row["continent"], str(group), row["role"], row["cloud"]
        yield *own, *_geoip_columns(geoip, row["ipv4"])


def _geoip_columns(geoip: Geoip, address: str) -> tuple[str, str, str]:
    """Return where the table puts an address; nothing without one, or where the table knows no place."""
    record = geoip.get(address) if address else None
    try:
        place, country = record["location"], record["country"]["iso_code"]
        return _degrees(place["latitude"]), _degrees(place["longitude"]), country
    except (TypeError, KeyError):
        return "", "", ""


def _pair_rows(pairs: Iterable[Row], number: Mapping[str, int]) -> Iterable[Sequence[str]]:
    yield "client", "server", "rtt_ms"
    rows = [(number[p["client_probe"]], number[p["server_probe"]], float(p["min_rtt_ms"])) for p in pairs]
    for client, server, rtt_ms in sorted(rows):
        yield str(client), str(server), f"{rtt_ms:.{MILLISECONDS}f}"


def _pop_rows(
    pops: Iterable[Row], nodes: Sequence[Row], number: Mapping[str, int]
) -> Iterable[Sequence[str]]:
    yield "pop", "provider", "city", "country", "lat", "lon", "node"
    for pop in pops:
        node = number[pop["server_probe"]]
        lat, lon = _degrees(pop["lat"]), _degrees(pop["lon"])
        yield pop["pop"], pop["provider"], pop["city"], nodes[node]["country"], lat, lon, str(node)


def _degrees(text: str | float) -> str:
    return f"{float(text):.{DEGREES}f}"


def _rows(path: Path) -> list[Row]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return list(csv.DictReader(io.StringIO(text.decode())))


def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    data = buffer.getvalue().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, compresslevel=9, mtime=0) if path.suffix == ".gz" else data)


if __name__ == "__main__":
    raise SystemExit(main())
