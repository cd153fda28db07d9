"""Derive `data/simulation`: who lives around each recorded client, and predictions that never saw them.

    python data/derive_simulation.py [--cities FILE]

`population.csv` needs GeoNames' cities of over 15,000 inhabitants (columns country, lat, lon, population);
without them it stays. Each city counts for the nearest recorded client of its country, or else of the world.
`heldout.csv.gz` is made of the shipped training table alone: for every cell of the places around a client the
round trips that a predictor of the fold without the client's group expects, in tenths of a millisecond.
Whenever the predictor changes this is to be run again; the same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from collectors.geography import distance_km
from itm.simulate.clients import Client
from itm.simulate.faults import heldout
from itm.simulate.faults.ground import FOLDER, Recordings, recordings


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the derived tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cities", type=Path, help="GeoNames' cities, as CSV or gzipped CSV")
    options = parser.parse_args(arguments)
    known = recordings()
    if options.cities:
        people = _population(options.cities, known)
        lines = [
            "node,population",
            *(f"{client.node},{people[at]}" for at, client in enumerate(known.clients)),
        ]
        (FOLDER / "population.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    heldout.save(
        heldout.derive(known.homes, known.places, known.table, known.pops), FOLDER / "heldout.csv.gz"
    )
    return 0


def _population(path: Path, known: Recordings) -> list[int]:
    people = [0] * len(known.clients)
    lat, lon = (np.array([getattr(client, name) for client in known.clients]) for name in ("lat", "lon"))
    country = np.array([_country(client, known) for client in known.clients])
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            km = distance_km(np.array(float(row["lat"])), np.array(float(row["lon"])), lat, lon)
            own = country == row["country"]
            nearest = np.where(own, km, np.inf) if own.any() else km
            people[int(np.argmin(nearest))] += int(row["population"])
    return people


def _country(client: Client, known: Recordings) -> str:
    return str(known.table.sites.country[client.node])


if __name__ == "__main__":
    raise SystemExit(main())
