"""How many sessions may arrive at each POP with one build: a share of its capacity, parted among the classes.

Clients and resolvers of a class have one budget: what clients bring is not left for resolvers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.steer.steps import NO_POP

ARRIVALS: Final = 0.1
"""The share of a POP's capacity that may arrive there with one build (steering.md 7.12)."""

EVEN: Final = 1e-6
"""Sessions that each class counts as wanting beside its own: where none wants any all have an even part."""

Floats = npt.NDArray[np.float64]
Pops = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """How many sessions may arrive at each POP (`most`), how many `came` already, how many each row has."""

    sessions: Floats
    most: Floats
    came: Floats

    def crowds(self, rows: npt.NDArray[np.intp], pop: Pops) -> npt.NDArray[np.bool_]:
        """Return which of these rows, in this order to `pop`, are more than may arrive.

        The first at a POP is not where it alone is more: it would never move, and bar the way of all others.
        """
        over = np.zeros(len(rows), dtype=bool)
        for one in np.flatnonzero(np.isfinite(self.most)):
            here = np.flatnonzero(pop == one)
            sessions = self.sessions[rows[here]]
            over[here] = self.came[one] + np.cumsum(sessions) > self.most[one]
            over[here[:1]] &= sessions[:1] <= self.most[one]
        return over


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """What of one class may arrive: sessions of each row of `clients` and `resolvers`, `most` per POP."""

    clients: Floats
    resolvers: Floats
    most: Floats

    def of_clients(self) -> Arrivals:
        """Return what of the clients may arrive."""
        return Arrivals(self.clients, self.most, np.zeros_like(self.most))

    def of_resolvers(self, first: Pops, served: Pops) -> Arrivals:
        """Return what of the resolvers may arrive beside clients, who are served `first` after `served`."""
        return Arrivals(self.resolvers, self.most, arriving(first, served, self.clients, len(self.most)))


def arriving(first: Pops, served: Pops, sessions: Floats, pops: int) -> Floats:
    """Return the sessions per POP of rows that are served it `first`, and were `served` another one."""
    moved = np.flatnonzero((served != NO_POP) & (first != served) & (first < pops))
    return np.bincount(first[moved], sessions[moved], pops).astype(np.float64)


def parted(capacity: Floats, wanted: Sequence[Floats]) -> list[Floats]:
    """Return how much of each class may arrive at each POP: by what it wants to bring there (`wanted`)."""
    whole = ARRIVALS * capacity
    total = np.sum([own + EVEN for own in wanted], axis=0)
    return [whole * ((own + EVEN) / total) for own in wanted]
