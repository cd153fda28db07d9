"""What every simulation stands on: recordings, people, places; from them networks and a steering world."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from collectors import places as place_tables
from collectors.geography import continents
from collectors.places import PlaceTable
from itm.catalog.load import load_path
from itm.catalog.types import Catalog, Pop
from itm.config import ROOT, Config
from itm.errors import ItmError
from itm.simulate.clients import Client, clients_of
from itm.simulate.faults import heldout
from itm.simulate.faults.heldout import HeldOut
from itm.simulate.faults.homes import Home, homes_of
from itm.simulate.faults.narrow import narrowed
from itm.simulate.faults.networks import Networks, settle, spans_of
from itm.steer.world import World
from models import training, world
from models.evaluate import folds
from models.training import TrainingTable

WORLD: Final = ROOT / "data" / "world14"
FOLDER: Final = ROOT / "data" / "simulation"


@dataclass(frozen=True, slots=True, eq=False)
class Recordings:
    """What was recorded and where: the clients of the 14-POP world and their homes in the place table."""

    table: TrainingTable
    places: PlaceTable
    catalog: Catalog
    clients: tuple[Client, ...]
    homes: tuple[Home, ...]

    @property
    def pops(self) -> tuple[Pop, ...]:
        """The 14 POPs."""
        return self.catalog.pops


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A simulated world at rest: its networks, and what the server is given to steer them.

    `places` has the simulated networks alone; columns of all arrays are `catalog.pops`.
    """

    networks: Networks
    places: PlaceTable
    catalog: Catalog
    expected: HeldOut

    def world(self, catalog: Catalog, version: int) -> World:
        """Return the steering world of one catalog, whose POPs are among the recorded ones."""
        pops = [pop.id for pop in catalog.pops]
        return World(
            catalog=catalog,
            catalog_version=version,
            places=self.places,
            continents=continents(),
            predictions=self.expected.grid(self.places, pops),
            digest=f"held out, {' '.join(pops)}",
        )


def recordings() -> Recordings:
    """Load what ships. Raises `CollectorsError`, `TrainingError` or `CatalogError` naming what is damaged."""
    table = training.load(Path(Config().model.training))
    places = place_tables.load(Path(Config().geoip.places))
    clients = clients_of(table, world.load(WORLD / "pops.csv", table), places, None)
    fold_of_group = {int(group): fold for fold, held in enumerate(folds(table)) for group in held}
    homes = homes_of(clients, fold_of_group, places)
    return Recordings(table, places, load_path(WORLD), tuple(clients), tuple(homes))


def ground(known: Recordings, networks: int, seed: int) -> Ground:
    """Settle about so many networks around the recorded clients, as many around each as people live there."""
    people = _population(FOLDER / "population.csv")
    expected = heldout.load(FOLDER / "heldout.csv.gz")
    weight = np.array([float(people.get(home.client.node, 0)) for home in known.homes])
    spans = spans_of(known.homes, weight, known.places, networks)
    places = narrowed(known.places, {place: own for of_home in spans for place, own in of_home.items()})
    settled = settle(known.homes, weight, spans, places, known.pops, np.random.default_rng(seed))
    return Ground(settled, places, known.catalog, expected)


def _population(path: Path) -> dict[int, int]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {int(row["node"]): int(row["population"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise ItmError(f"{path}: expected columns node and population ({error})") from error
