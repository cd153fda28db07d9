"""How much room every POP has, in sessions: what the catalog states and hosts report, and who is away.

Nothing is measured here: loads are projected from demand, and reports only say how many sessions all of the
demand is. A load that falls because its users were sent elsewhere must not call them back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.catalog.types import Pop
from itm.routemap.health import State
from itm.steer.assign import Floats
from itm.steer.loads import PopLoad

SCALE_STEP: Final = 1.02
"""Sessions in all are taken in steps of this factor, upwards: what changes less moves nobody."""

AWAY: Final = frozenset((State.DRAINED, State.DOWN))
"""States in which a POP's users are answered another one, by the mask, at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Rooms:
    """Per POP, in sessions: `capacity` (infinite where nobody states one), `reported` (nan: by nobody).

    `is_away` where answers go elsewhere; `planned` are the sessions in all where nobody reports any.
    """

    capacity: Floats
    reported: Floats
    is_away: npt.NDArray[np.bool_]
    planned: float = 0.0

    @classmethod
    def of(
        cls,
        pops: tuple[Pop, ...],
        loads: Mapping[str, PopLoad],
        states: Mapping[str, State],
        planned: float = 0.0,
    ) -> Rooms:
        """Return the rooms; where catalog and hosts both state a capacity the smaller one holds."""
        stated = [pop.capacity or math.inf for pop in pops]
        of_hosts = [loads[pop.id].capacity if pop.id in loads else math.inf for pop in pops]
        return cls(
            capacity=np.minimum(stated, of_hosts),
            reported=np.array([loads[pop.id].sessions if pop.id in loads else math.nan for pop in pops]),
            is_away=np.array([states.get(pop.id, State.UP) in AWAY for pop in pops]),
            planned=planned,
        )

    @property
    def is_limited(self) -> bool:
        """Whether any POP can be full: one states a capacity, and sessions are known."""
        return bool(np.isfinite(self.capacity).any() and (np.isfinite(self.reported).any() or self.planned))

    def sessions_per(self, demand: Floats) -> float:
        """Return how many sessions one unit of demand is; `demand` is what every POP serves now.

        By the POPs that report, as far as they serve any; 0 where nothing says.
        """
        heard = np.isfinite(self.reported) & ~self.is_away & (demand > 0)
        if heard.any() and self.reported[heard].sum() > 0:
            scale = float(self.reported[heard].sum() / demand[heard].sum())
        else:
            scale = self.planned / max(float(demand.sum()), 1e-9)
        return SCALE_STEP ** math.ceil(math.log(scale, SCALE_STEP)) if scale > 0 else 0.0
