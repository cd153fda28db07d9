"""Derive `data/hourly` from the hourly anchor meshes in a source directory.

A few anchors of each mesh stand in for POPs, the others for clients. What leaves the source: coordinates
rounded to 0.1 degree, and round-trip times of each hour to 0.1 ms. What stays behind: ids, addresses and
names. Clients are numbered by position. The same source gives the same bytes.

    python data/derive_hourly.py SOURCE [--to data]

SOURCE holds `europe_nodes.csv`, `europe_rtt.csv.gz`, `us_nodes.csv` and `us_rtt.csv.gz`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

CITIES = {
    "europe": {
        "Amsterdam": (52.4, 4.9), "Frankfurt": (50.1, 8.7), "London": (51.5, -0.1), "Paris": (48.9, 2.4),
        "Stockholm": (59.3, 18.1), "Madrid": (40.4, -3.7), "Milan": (45.5, 9.2), "Warsaw": (52.2, 21.0),
    },
    "us": {
        "Ashburn": (39.0, -77.5), "Dallas": (32.8, -96.8), "Los Angeles": (34.1, -118.2),
        "Chicago": (41.9, -87.6), "Seattle": (47.6, -122.3), "Miami": (25.8, -80.2),
    },
}  # fmt: skip
"""Where the POPs are: each is the anchor nearest to a city."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the derived tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--to", type=Path, default=Path(__file__).resolve().parent)
    options = parser.parse_args(arguments)
    for region in CITIES:
        derive(region, options.source, options.to / "hourly")
    return 0


def derive(region: str, source: Path, target: Path) -> None:
    """Read one region's tables and write its `-nodes.csv` and `-rtt.csv.gz` under `target`."""
    nodes = {row["id"]: row for row in _rows(source / f"{region}_nodes.csv")}
    where = {key: (float(row["latitude"]), float(row["longitude"])) for key, row in nodes.items()}
    pops: list[str] = []
    for city in CITIES[region].values():
        left = sorted(where.keys() - set(pops))
        pops.append(min(left, key=lambda one: _apart(where[one], city)))
    clients = sorted(where.keys() - set(pops), key=lambda one: (where[one], one))
    target.mkdir(parents=True, exist_ok=True)
    _write(target / f"{region}-nodes.csv", _node_rows(where, pops, clients))
    _write(target / f"{region}-rtt.csv.gz", _hour_rows(source / f"{region}_rtt.csv.gz", pops, clients))


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return math.hypot(one[0] - other[0], (one[1] - other[1]) * math.cos(math.radians(one[0])))


def _node_rows(
    where: dict[str, tuple[float, float]], pops: Sequence[str], clients: Sequence[str]
) -> Iterable[Sequence[str]]:
    yield "role", "number", "lat", "lon"
    for role, keys in (("pop", pops), ("client", clients)):
        for number, key in enumerate(keys):
            yield role, str(number), *(f"{degrees:.1f}" for degrees in where[key])


def _hour_rows(path: Path, pops: Sequence[str], clients: Sequence[str]) -> Iterable[Sequence[str]]:
    """Yield one row per hour and client: its round trips to the POPs, empty where none was measured."""
    times: list[str] = []
    found: dict[tuple[str, str], list[str]] = {}
    column = {key: number for number, key in enumerate(pops)}
    row_of = {key: str(number) for number, key in enumerate(clients)}
    for row in _rows(path):
        if row["time"] not in times[-1:] and row["time"] not in times:
            times.append(row["time"])
        for client, pop in ((row["source_id"], row["target_id"]), (row["target_id"], row["source_id"])):
            if client in row_of and pop in column and row["rtt"]:
                values = found.setdefault((row["time"], client), [""] * len(pops))
                if not values[column[pop]] or client == row["source_id"]:
                    values[column[pop]] = f"{float(row['rtt']):.1f}"
    yield "hour", "client", *(str(number) for number in range(len(pops)))
    for hour, time in enumerate(sorted(times)):
        for client in clients:
            if (time, client) in found:
                yield str(hour), row_of[client], *found[(time, client)]


def _rows(path: Path) -> Iterable[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    yield from csv.DictReader(io.StringIO(text))


def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)


if __name__ == "__main__":
    raise SystemExit(main())
