"""A prediction for every cell x POP, made once and kept in the state directory.

The only module of `steer` that runs the model; what explains an answer reads the kept file instead.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from collectors.places import PlaceTable
from itm.catalog.types import Catalog, Location, Pop
from itm.steer.world import Floats, cell_weights, predictions_path
from models.artifact import Predictor
from models.sites import Sites

KEEP: Final = 8
"""Predictions kept (some 3 MB each): of the catalogs and models that kept maps may still name."""


def predict_cells(predictor: Predictor, places: PlaceTable, pops: tuple[Pop, ...], folder: Path) -> Floats:
    """Return (3, cells, POPs) in ms, from the state directory when this very prediction stands there."""
    path = predictions_path(folder, predictions_digest(predictor, places, pops))
    with contextlib.suppress(OSError, ValueError, EOFError):  # not made yet, or damaged: made anew
        kept: Floats = np.load(path, mmap_mode="r")
        return kept
    clients = Sites(*places.cell_sites())
    answer = predictor.predict(clients, _pops(pops))
    grid = np.stack([answer.p25, answer.p50, answer.p75]).astype(np.float32)
    _fill_unplaced(grid, cell_weights(places))
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, grid)
    partial.rename(path)
    _prune(folder)
    return grid


def predict_legs(predictor: Predictor, catalog: Catalog) -> dict[Location, Floats]:
    """Return (3, POPs) in ms for every Resource Location: p25, p50, p75 of the way to each POP."""
    locations = tuple(dict.fromkeys(one for s in catalog.services for one in s.tuning.locations))
    if not locations:
        return {}
    answer = predictor.predict(_sites(locations), _pops(catalog.pops))
    grid = np.stack([answer.p25, answer.p50, answer.p75], axis=1).astype(np.float32)
    return dict(zip(locations, grid, strict=True))


def _pops(pops: Sequence[Pop]) -> Sites:
    return replace(_sites(pops), provider=np.array([p.provider for p in pops], np.str_))


def _sites(places: Sequence[Pop | Location]) -> Sites:
    return Sites(
        np.array([p.lat for p in places]),
        np.array([p.lon for p in places]),
        np.array([p.country for p in places]),
    )


def predictions_digest(predictor: Predictor, places: PlaceTable, pops: tuple[Pop, ...]) -> str:
    """Name the prediction of these places and POPs: equal digests mean equal numbers."""
    parts = [
        predictor.digest,
        places.digest,
        *(f"{p.id} {p.lat} {p.lon} {p.country} {p.provider}" for p in pops),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _prune(folder: Path) -> None:
    kept = sorted(folder.glob("predictions-????????????????.npy"), key=lambda p: p.stat().st_mtime)
    for path in kept[:-KEEP]:
        path.unlink(missing_ok=True)


def _fill_unplaced(grid: Floats, weight: Floats) -> None:
    """Give cells without a position the demand-weighted median of all others: the `prior` of `world`."""
    unknown = ~np.isfinite(grid[1]).all(axis=1)
    known = np.flatnonzero(~unknown)
    for quantile in grid:
        order = np.argsort(quantile[known], axis=0)
        cumulative = np.cumsum(weight[known][order], axis=0)
        middle = (cumulative < cumulative[-1] / 2).sum(axis=0)
        at = np.minimum(middle, len(known) - 1)
        row = np.take_along_axis(quantile[known], np.take_along_axis(order, at[None, :], axis=0), axis=0)
        quantile[unknown] = row
