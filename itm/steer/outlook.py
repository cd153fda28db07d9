"""How full POPs will be when the map is in use: demand of all classes beside their rooms, in sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.steer.assign import HARD, Floats
from itm.steer.rooms import Rooms, Usual

BARELY: Final = 0.005
"""What shares of answers cannot tell apart: they are whole 255ths."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Per POP, in sessions: what it would get if none were full (`wanted`), and what it gets (`load`).

    Both with answers going on from POPs that are away. `unit` is what `Rooms.units` says;
    `demand` the load in the unit of demand.
    """

    pops: tuple[str, ...]
    rooms: Rooms
    wanted: Floats
    load: Floats
    unit: Floats
    demand: Floats

    @property
    def usual(self) -> dict[str, Usual]:
        """What the next build is to know of each POP; nothing while one is away."""
        if self.rooms.is_away.any():
            return {}
        both = zip(self.unit.tolist(), self.demand.tolist(), strict=True)
        return {pop: Usual(*one) for pop, one in zip(self.pops, both, strict=True)}

    @property
    def share(self) -> Floats:
        """How full each POP will be; 0 where there is no limit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = self.load / self.rooms.capacity
        return np.where(np.isfinite(self.rooms.capacity), share, 0.0)

    @property
    def above(self) -> tuple[str, ...]:
        """POPs that will be fuller than `HARD`: not everybody fits, or the limiter still lets none move."""
        return tuple(pop for pop, share in zip(self.pops, self.share, strict=True) if share > HARD + BARELY)

    @property
    def sessions(self) -> dict[str, float]:
        """The sessions of each POP."""
        return {pop: round(float(load), 1) for pop, load in zip(self.pops, self.load, strict=True)}

    @property
    def full(self) -> dict[str, float]:
        """How full each POP with a capacity will be."""
        pops = np.flatnonzero(np.isfinite(self.rooms.capacity))
        return {self.pops[p]: round(float(self.share[p]), 4) for p in pops}

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data: POPs with a capacity or a report, the fullest first."""
        known = np.isfinite(self.rooms.capacity) | np.isfinite(self.rooms.reported)
        order = sorted(np.flatnonzero(known).tolist(), key=lambda p: (-self.share[p], p))
        return {
            "sessions": round(float(self.load.sum()), 1),
            "above": list(self.above),
            "pops": {self.pops[p]: self._of(p) for p in order},
        }

    def _of(self, p: int) -> dict[str, Any]:
        capacity, reported = float(self.rooms.capacity[p]), float(self.rooms.reported[p])
        return {
            "capacity": capacity if np.isfinite(capacity) else None,
            "reported": reported if np.isfinite(reported) else None,
            "wanted": round(float(self.wanted[p]), 1),
            "load": round(float(self.load[p]), 1),
            "share": round(float(self.share[p]), 4),
            "is_away": bool(self.rooms.is_away[p]),
        }


def landed(
    ranks: npt.NDArray[np.uint16], demand: Floats, is_away: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return what every POP gets of rows that are answered the first of their ranks that is not away.

    The first of all where all are away: answers go out as if all were up.
    """
    pops = len(is_away)
    live = np.append(~is_away, False)[np.minimum(ranks, pops)]
    at = np.take_along_axis(ranks, live.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.bincount(np.minimum(at, pops), demand, pops + 1)[:pops].astype(np.float64)
