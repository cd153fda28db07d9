"""What each POP costs the rows of one class, by what a world predicts and what was measured in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from itm.steer.classes import SteeringClass
from itm.steer.cycle import Knowledge
from itm.steer.decide import CHUNK
from itm.steer.demand import Demand
from itm.steer.evidence import Evidence, Keys
from itm.steer.frame import measured_prefixes, row_keys
from itm.steer.rows import Rows, rows_of
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Believed:
    """A world, and what was measured in it and who was counted where at one moment."""

    world: World
    evidence: Evidence
    demand: Demand = field(default_factory=Demand.nothing)

    @classmethod
    def then(cls, world: World, knowledge: Knowledge) -> Believed:
        """Return what a build knew in a world."""
        return cls(world, knowledge.evidence, knowledge.demand)

    def rows(self, steering: SteeringClass) -> tuple[Rows, Mapping[str, Keys]]:
        """Return the rows of one class and the keys by which they draw on evidence."""
        prefixes = measured_prefixes(self.world, self.evidence)
        place_rule = self.world.rules_of_places(steering)
        rows = rows_of(steering, self.world.places, place_rule, prefixes)
        return rows, row_keys(self.world, rows, prefixes)

    def cost(
        self, rows: Rows, keys: Mapping[str, Keys], row: npt.NDArray[np.intp], pop: npt.NDArray[np.uint16]
    ) -> npt.NDArray[np.float32]:
        """Return the estimated round trip of each (row, POP) pair in ms; `row` ascends."""
        cost = np.empty(len(row), dtype=np.float32)
        for begin in range(0, len(row), CHUNK):
            part = slice(begin, begin + CHUNK)
            own, at = np.unique(row[part], return_inverse=True)
            prediction = self.world.predictions[:, self.world.places.cell[rows.place[own]], :]
            drawn = {rung: keys[rung][own] for rung in self.evidence.drawn}
            cost[part] = self.evidence.estimate(prediction, drawn).rtt[at, pop[part]]
        return cost
