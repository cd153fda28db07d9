"""What does not change between two builds: catalog, places, and a prediction for every cell x POP."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from collectors.ladder import Ladder
from collectors.places import PlaceTable
from itm.catalog.types import Catalog, Pop
from itm.steer.classes import SteeringClass, classes_of
from models.artifact import Predictor
from models.sites import Sites

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class World:
    """Everything a build reads besides measurements and memory.

    `predictions` is (3, cells, POPs): p25, p50, p75 in ms; cell 0 is the row of whoever cannot be placed.
    """

    catalog: Catalog
    catalog_version: int
    places: PlaceTable
    continents: Mapping[str, str]
    predictions: Floats
    digest: str

    @cached_property
    def ladder(self) -> Ladder:
        """The ladder over this world's places."""
        return Ladder(self.places, self.continents)

    @cached_property
    def pops(self) -> tuple[str, ...]:
        """POP ids in catalog order: the columns of every array."""
        return tuple(pop.id for pop in self.catalog.pops)

    @cached_property
    def bias_ms(self) -> Floats:
        """Return the POPs' bias."""
        return np.array([pop.bias for pop in self.catalog.pops], dtype=np.float32)

    @cached_property
    def classes(self) -> tuple[SteeringClass, ...]:
        """Return the distinct steering classes."""
        return classes_of(self.catalog)[0]

    @cached_property
    def class_index(self) -> dict[str, int]:
        """Return the class of every service by name."""
        return classes_of(self.catalog)[1]

    @cached_property
    def common_score(self) -> Floats:
        """Return what each POP costs the world at large, in ms: the order of every tail."""
        weight = cell_weights(self.places)[:, None]
        mean = (self.predictions[1] * weight).sum(axis=0) / max(float(weight.sum()), 1e-9)
        score: Floats = np.round(mean + self.bias_ms, 1).astype(np.float32)
        return score

    def rules_of_places(self, steering: SteeringClass) -> npt.NDArray[np.uint8]:
        """Return the rule of every place in one class."""
        country = np.array(self.places.countries)[self.places.country]
        continent = np.array([self.continents.get(c, "") for c in self.places.countries])
        return steering.rules_of_places(country, continent[self.places.country], self.places.asn)

    def rule_of_place(self, steering: SteeringClass, place: int) -> int:
        """Return the rule of one place."""
        country = self.places.countries[self.places.country[place]]
        rules = steering.rules_of_places(
            np.array([country]),
            np.array([self.continents.get(country, "")]),
            self.places.asn[place : place + 1],
        )
        return int(rules[0])


def cell_weights(places: PlaceTable) -> Floats:
    """Return the demand weight of every cell; the unknown cell weighs nothing."""
    weight = np.bincount(places.cell, weights=places.weight, minlength=int(places.cell.max()) + 1)
    weight[0] = 0
    return weight.astype(np.float32)


def predictions_digest(predictor: Predictor, places: PlaceTable, pops: tuple[Pop, ...]) -> str:
    """Name the prediction of these places and POPs: equal digests mean equal numbers."""
    parts = [predictor.digest, places.digest, *(f"{p.id} {p.lat} {p.lon} {p.country}" for p in pops)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def predict_cells(predictor: Predictor, places: PlaceTable, pops: tuple[Pop, ...], folder: Path) -> Floats:
    """Return (3, cells, POPs) in ms, from the state directory when this very prediction stands there."""
    path = predictions_path(folder, predictions_digest(predictor, places, pops))
    with contextlib.suppress(OSError, ValueError, EOFError):  # not made yet, or damaged: made anew
        kept: Floats = np.load(path, mmap_mode="r")
        return kept
    clients = Sites(*places.cell_sites())
    servers = Sites(
        np.array([p.lat for p in pops]),
        np.array([p.lon for p in pops]),
        np.array([p.country for p in pops]),
    )
    answer = predictor.predict(clients, servers)
    grid = np.stack([answer.p25, answer.p50, answer.p75]).astype(np.float32)
    _fill_unplaced(grid, cell_weights(places))
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, grid)
    partial.rename(path)
    return grid


def predictions_path(folder: Path, digest: str) -> Path:
    """Return where a prediction is kept."""
    return folder / f"predictions-{digest}.npy"


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
