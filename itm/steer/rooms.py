"""How much room every POP has, in sessions: what the catalog states and hosts report, and who is away.

Loads are projected: what POPs report says how many sessions the demand is that each serves, and demand goes
with its rows wherever they are sent.
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
from itm.steer.assign import SOFT, Floats
from itm.steer.loads import PopLoad

SCALE_STEP: Final = 1.02
"""Sessions of a unit of demand are taken in steps of this factor, upwards: what changes less moves nobody."""

MOST_TIMES: Final = 4.0
"""How far from the mean the sessions of a POP's demand may be: a lie has bounds."""

FEW: Final = 100.0
"""Sessions."""

AWAY: Final = frozenset((State.DRAINED, State.DOWN))
"""States in which a POP's users are answered another one, by the mask, at once."""


def full(loads: Mapping[str, PopLoad]) -> frozenset[str]:
    """Return the POPs that are full by what their hosts report: past what the assignment likes to give."""
    return frozenset(pop for pop, load in loads.items() if load.share > SOFT)


@dataclass(frozen=True, slots=True)
class Usual:
    """What the build before made of a POP, none being away: sessions of a unit of demand, and the demand."""

    unit: float
    demand: float


@dataclass(frozen=True, slots=True, eq=False)
class Rooms:
    """Per POP, in sessions: `capacity` (infinite where nobody states one), `reported` (nan: by nobody).

    `is_away` where answers go elsewhere; `planned` are the sessions in all where nobody reports any; `before`
    and `demand` are what is `Usual` (nan: not known).
    """

    capacity: Floats
    reported: Floats
    is_away: npt.NDArray[np.bool_]
    planned: float
    before: Floats
    demand: Floats

    @classmethod
    def of(
        cls,
        pops: tuple[Pop, ...],
        loads: Mapping[str, PopLoad],
        states: Mapping[str, State],
        planned: float = 0.0,
        usual: Mapping[str, Usual] | None = None,
    ) -> Rooms:
        """Return the rooms; where catalog and hosts both state a capacity the smaller one holds."""
        known = [(usual or {}).get(pop.id, Usual(math.nan, math.nan)) for pop in pops]
        stated = [pop.capacity or math.inf for pop in pops]
        of_hosts = [loads[pop.id].capacity if pop.id in loads else math.inf for pop in pops]
        return cls(
            capacity=np.minimum(stated, of_hosts),
            reported=np.array([loads[pop.id].sessions if pop.id in loads else math.nan for pop in pops]),
            is_away=np.array([states.get(pop.id, State.UP) in AWAY for pop in pops]),
            planned=planned,
            before=np.array([one.unit for one in known]),
            demand=np.array([one.demand for one in known]),
        )

    @property
    def is_limited(self) -> bool:
        """Whether any POP can be full: one states a capacity, and sessions are known."""
        return bool(np.isfinite(self.capacity).any() and (np.isfinite(self.reported).any() or self.planned))

    def units(self, served: Floats) -> Floats:
        """Return per POP how many sessions one unit of the demand is that it serves; 0 where nothing says.

        `served` is the demand by the POP of the live map, away or not. While one is away nobody knows whose
        users are where: what held `before`, when none was, is moved up or down as a whole. `FEW` sessions of
        the mean are added to each POP's, so that a handful more or less is no difference; and what is new
        counts by half.
        """
        heard = np.isfinite(self.reported) & ~self.is_away & (served > 0)
        reported = np.where(heard, np.nan_to_num(self.reported), 0.0)
        if not reported.sum():
            return np.full(len(served), _stepped(self.planned / max(float(served.sum()), 1e-9)))
        if self.is_away.any():
            usual = np.nanmean(self.before) if np.isfinite(self.before).any() else 1.0
            base = np.where(np.isfinite(self.before), self.before, usual)
            known = (base * served)[heard | self.is_away].sum()
            return np.array([_stepped(one) for one in base * reported.sum() / known])
        mean = reported.sum() / served[heard].sum()
        served = np.where(np.isfinite(self.demand), self.demand, served)
        own = (reported + FEW) / (served + FEW / mean)
        own = np.where(heard, np.clip(own, mean / MOST_TIMES, mean * MOST_TIMES), mean)
        # Halfway from what it was: a network that several POPs share is reckoned to one of them.
        own = np.where(np.isfinite(self.before), np.sqrt(self.before * own), own)
        return np.array([_stepped(one) for one in own])


def _stepped(value: float) -> float:
    return SCALE_STEP ** math.ceil(math.log(value, SCALE_STEP)) if value > 0 else 0.0
