"""The truth at one moment: what a round trip takes, what answers, what there is room for, who asks.

At rest it is the recordings'; a fault makes another one of it. Nobody in the simulation sees it whole but the
oracle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from itm.catalog.types import Pop
from itm.simulate.faults.networks import Floats, Networks


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """`rtt_ms` and `reached` (networks, POPs), `demand` (networks), `capacity` (POPs) in the unit of demand.

    At rest demand sums to 1.
    """

    rtt_ms: Floats
    reached: npt.NDArray[np.bool_]
    demand: npt.NDArray[np.float64]
    capacity: npt.NDArray[np.float64]

    @classmethod
    def at_rest(cls, networks: Networks, capacity: npt.NDArray[np.float64]) -> Moment:
        """Return the truth without any fault."""
        return cls(networks.rtt_ms, np.ones(networks.rtt_ms.shape, np.bool_), networks.weight, capacity)

    def but(self, **changes: npt.NDArray[Any]) -> Moment:
        """Return the truth with some of it replaced."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Whom and what a fault can hit: the networks and the POPs, rows and columns of the truth."""

    networks: Networks
    pops: tuple[Pop, ...]

    def column(self, pop: str) -> int:
        """Return the column of a POP id. Raises `ValueError` for one that is not in the world."""
        return [one.id for one in self.pops].index(pop)


class Fault(Protocol):
    """What goes wrong from `start` to `end`, in minutes since the scenario's beginning."""

    @property
    def start(self) -> float:
        """The minute it begins."""

    @property
    def end(self) -> float:
        """The minute it is over."""

    def change(self, moment: Moment, scene: Scene) -> Moment:
        """Return what the truth is while it lasts."""


def moment_at(minute: float, faults: tuple[Fault, ...], rest: Moment, scene: Scene) -> Moment:
    """Return the truth at a minute: that at rest, changed by every fault that lasts then, in their order."""
    moment = rest
    for fault in faults:
        if fault.start <= minute < fault.end:
            moment = fault.change(moment, scene)
    return moment
