"""A set of POPs with measured stand-ins: which node of the training table answers for which POP.

Used to evaluate and to replay; the server never reads it. Its file is a CSV with at least `pop` and `node`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.errors import TrainingError
from models.training import TrainingTable


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """POP ids in file order, and for each the node of the training table that stands in for it."""

    pops: tuple[str, ...]
    node: npt.NDArray[np.intp]


def load(path: Path, table: TrainingTable) -> World:
    """Read the world. Raises `TrainingError` with every line that names no server of `table`."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise TrainingError([f"{path}: {error.strerror}"]) from error
    servers = {str(node): int(node) for node in np.flatnonzero(table.is_server)}
    reasons = [
        f"{path.name}: line {line}: expected pop and the node of a server, got {row.get('node')!r}"
        for line, row in enumerate(rows, start=2)
        if not row.get("pop") or row.get("node") not in servers
    ]
    if reasons or not rows:
        raise TrainingError(reasons or [f"{path.name}: line 2: expected at least one POP"])
    return World(tuple(row["pop"] for row in rows), np.array([servers[row["node"]] for row in rows]))
