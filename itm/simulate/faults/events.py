"""What somebody does in one minute of a scenario: offers a catalog or a model, or lies by a feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from collectors.geography import continents
from collectors.measurement import METRICS, POP_ID_BYTES, RECORD, SOURCES
from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog
from itm.config import Config
from itm.errors import CatalogError, UnsafePlan
from itm.simulate.faults.fault import lies_in
from itm.simulate.faults.strategy import ITM
from models import training
from models.retrain import on_folds
from models.training import TrainingTable

if TYPE_CHECKING:
    from itm.simulate.faults.run import Run

ROWS: Final = 5
"""Rows of a lying feed per network and cycle."""


@dataclass(frozen=True, slots=True)
class CatalogOffered:
    """An operator applies a catalog: the full one as `change` makes it another; its Plan decides."""

    minute: float
    what: str
    change: Callable[[Catalog], Catalog]

    def happen(self, run: Run) -> None:
        """Put it through the gate of the server, and tell what came of it."""
        try:
            run.offer(self.change(run.ground.catalog))
        except UnsafePlan as error:
            run.tell(f"{self.what}: refused: {error}")
        else:
            run.tell(f"{self.what}: live")


@dataclass(frozen=True, slots=True)
class CatalogTyped:
    """An operator applies a catalog file with these words in it."""

    minute: float
    what: str
    text: str

    def happen(self, run: Run) -> None:
        """Have it read as `itm catalog apply` has it; tell all that is wrong with it."""
        try:
            load_bundle({"catalog.yaml": self.text})
        except CatalogError as error:
            run.tell(f"{self.what}: refused: {'; '.join(error.reasons)}")
        else:
            raise ValueError(f"{self.what}: expected a file that nobody can read")


@dataclass(frozen=True, slots=True)
class ModelOffered:
    """A predictor is trained anew from a table that is not what it was."""

    minute: float
    what: str
    change: Callable[[TrainingTable], TrainingTable]

    def happen(self, run: Run) -> None:
        """Have it judged beside one of the shipped table, on networks that neither saw; tell the numbers."""
        table = training.load(Path(Config().model.training))
        reasons = on_folds(table, self.change(table), continents()).reasons("held out")
        run.tell(f"{self.what}: {f'refused: {reasons[0]}' if reasons else 'accepted'}")


@dataclass(frozen=True, slots=True)
class FeedLies:
    """A feed says of a region's networks that the POP which serves each is so many ms away, in one cycle.

    It names networks, not clients, as feeds of monitoring systems do.
    """

    minute: float
    region: frozenset[str]
    rtt_ms: float

    def happen(self, run: Run) -> None:
        """Send the rows as records of the journal."""
        networks = run.networks
        here = np.flatnonzero(lies_in(networks.country, self.region))
        liars = np.repeat(here, ROWS)
        ids = np.array([pop.id.encode() for pop in run.pops], f"S{POP_ID_BYTES}")
        records = np.zeros(len(liars), RECORD)
        records["time"], records["unit"], records["value"] = run.now, networks.unit[liars], self.rtt_ms
        records["pop"] = ids[run.served(ITM)[liars]]
        records["family"], records["metric"] = 4, METRICS.index("rtt_ms")
        records["source"] = SOURCES.index("feed")
        run.server.receive(records, run.now)
