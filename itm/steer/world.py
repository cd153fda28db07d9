"""What does not change between two builds: catalog, places, and a prediction for every cell x POP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from collectors.ladder import Ladder
from collectors.places import PlaceTable
from itm.catalog.types import Catalog, Location
from itm.steer.classes import SteeringClass, classes_of

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class World:
    """Everything a build reads besides measurements and memory.

    `predictions` is (3, cells, POPs): p25, p50, p75 in ms; cell 0 is the row of whoever cannot be placed.
    `leg_predictions` are (3, POPs) of each Resource Location.
    """

    catalog: Catalog
    catalog_version: int
    places: PlaceTable
    continents: Mapping[str, str]
    predictions: Floats
    digest: str
    leg_predictions: Mapping[Location, Floats] = field(default_factory=dict)

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


def predictions_path(folder: Path, digest: str) -> Path:
    """Return where a prediction is kept."""
    return folder / f"predictions-{digest}.npy"
