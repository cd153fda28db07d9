"""The recorded hours that ship: round trips of clients to POPs, hour by hour, without any fault known."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.config import ROOT

FOLDER: Final = ROOT / "data" / "hourly"
REGIONS: Final = ("europe", "us")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """`rtt_ms` (hours, clients, POPs), NaN where nothing was measured; positions in degrees, (n, 2)."""

    pops: Floats
    clients: Floats
    rtt_ms: Floats


def load(region: str, folder: Path = FOLDER) -> Hours:
    """Read one of `REGIONS`. Raises `OSError`, and `ValueError` for a file of another layout."""
    positions: dict[str, list[tuple[float, float]]] = {"pop": [], "client": []}
    with (folder / f"{region}-nodes.csv").open(encoding="utf-8") as nodes:
        for row in csv.DictReader(nodes):
            positions[row["role"]].append((float(row["lat"]), float(row["lon"])))
    pops, clients = (np.array(positions[role]) for role in ("pop", "client"))
    with gzip.open(folder / f"{region}-rtt.csv.gz", "rt", encoding="utf-8") as file:
        rows = [[float(value or "nan") for value in row] for row in list(csv.reader(file))[1:]]
    table = np.array(rows)
    hours, who = table[:, 0].astype(np.intp), table[:, 1].astype(np.intp)
    rtt = np.full((int(hours.max()) + 1, len(clients), len(pops)), np.nan)
    rtt[hours, who] = table[:, 2:]
    return Hours(pops, clients, rtt)
