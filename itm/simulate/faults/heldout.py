"""Predictions for the cells of simulated places, each by a predictor that never saw the clients of the cell.

Shipped as a small table, because training the predictors of five folds takes longer than a simulation.
"""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from collectors.geography import continents
from collectors.places import PlaceTable
from itm.catalog.types import Pop
from itm.errors import ItmError
from itm.simulate.faults.homes import Home
from itm.simulate.faults.narrow import narrowed
from itm.steer.predict import predict_cells
from models.evaluate import fold_models
from models.training import TrainingTable

TENTHS = 10
"""Numbers are kept in tenths of a millisecond."""

Floats = npt.NDArray[np.float32]


class HeldOut:
    """What is expected in each cell, by the cell's key (country and square): (3, POPs) in ms."""

    def __init__(self, pops: tuple[str, ...], by_cell: dict[int, Floats]) -> None:
        self.pops = pops
        self.by_cell = by_cell

    def grid(self, places: PlaceTable, pops: Sequence[str]) -> Floats:
        """Return (3, cells, POPs) for a table of which all cells but the unknown one are known.

        The unknown cell expects the median of all others. Raises `ItmError` naming a cell or POP that is not
        in the table: then `data/derive_simulation.py` is to be run again.
        """
        keys = cell_keys(places)
        missing = [key for key in keys[1:].tolist() if key not in self.by_cell]
        unknown = [pop for pop in pops if pop not in self.pops]
        if missing or unknown:
            raise ItmError(
                f"data/simulation/heldout.csv.gz: no prediction for {len(missing)} cells and the POPs "
                f"{unknown}: run data/derive_simulation.py"
            )
        columns = [self.pops.index(pop) for pop in pops]
        rows = np.stack([self.by_cell[key][:, columns] for key in keys[1:].tolist()], axis=1)
        return np.concatenate([np.median(rows, axis=1, keepdims=True), rows], axis=1).astype(np.float32)


def cell_keys(places: PlaceTable) -> npt.NDArray[np.uint64]:
    """Return the stable key of each cell of a table: country and square."""
    _, first = np.unique(places.cell, return_index=True)
    keys: npt.NDArray[np.uint64] = places.key[first] >> np.uint64(32)
    return keys


def derive(homes: Sequence[Home], places: PlaceTable, table: TrainingTable, pops: tuple[Pop, ...]) -> HeldOut:
    """Train the predictor of every fold and let it predict the cells of the clients it never saw."""
    by_cell: dict[int, Floats] = {}
    with tempfile.TemporaryDirectory(prefix="itm-heldout-") as folder:
        for fold, (predictor, _) in enumerate(fold_models(table, continents())):
            own = sorted(place for home in homes if home.fold == fold for place in home.places)
            cut = narrowed(places, dict.fromkeys(own, ()))
            grid = predict_cells(predictor, cut, pops, Path(folder))
            by_cell |= {int(key): grid[:, at] for at, key in enumerate(cell_keys(cut)) if at}
    return HeldOut(tuple(pop.id for pop in pops), by_cell)


def save(heldout: HeldOut, path: Path) -> None:
    """Write the table: one line per cell, quantile by quantile, whole tenths of a millisecond."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["cell", *(f"{q} {pop}" for q in ("p25", "p50", "p75") for pop in heldout.pops)])
    for key in sorted(heldout.by_cell):
        writer.writerow([key, *np.rint(heldout.by_cell[key].ravel() * TENTHS).astype(int).tolist()])
    with path.open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
        packed.write(text.getvalue().encode())


def load(path: Path) -> HeldOut:
    """Read the table. Raises `ItmError` when it is missing or damaged."""
    try:
        with gzip.open(path, "rt", newline="") as file:
            head, *rows = list(csv.reader(file))
        pops = tuple(name.removeprefix("p25 ") for name in head if name.startswith("p25 "))
        values = {
            int(key): np.array(row, np.float32).reshape(3, len(pops)) / np.float32(TENTHS)
            for key, *row in rows
        }
    except (OSError, ValueError, EOFError) as error:
        raise ItmError(f"{path}: not the table of held-out predictions ({error})") from error
    return HeldOut(pops, values)
