"""Ways to answer: the real code, and what it is measured against. All go through the same caches.

Columns of arrays are the recorded POPs; a strategy answers POPs that are in service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from itm.simulate.faults.answers import Answers, answers_of
from itm.simulate.faults.networks import Networks
from itm.simulate.faults.resolving import Entries
from itm.simulate.faults.server import Server

Pops = npt.NDArray[np.int64]

ROUND_ROBIN: Final = "round-robin"
NEAREST: Final = "nearest"
STATIC_GEO: Final = "static-geo"
ITM: Final = "ITM"
ORACLE: Final = "oracle"
STRATEGIES: Final = (ROUND_ROBIN, NEAREST, STATIC_GEO, ITM)


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """What answers may depend on, per POP: its health, and whether the live catalog names it."""

    states: list[int]
    in_service: npt.NDArray[np.bool_]


class Strategy(Protocol):
    """Answers entries."""

    def know(self, situation: Situation) -> None:
        """Answer by this from now on."""

    def answer(self, entries: npt.NDArray[np.intp]) -> Pops:
        """Return the POP that each of these entries gets now."""


class RoundRobin:
    """Every POP in service in turn, whatever it is like."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._pops = np.zeros(1, np.int64)

    def know(self, situation: Situation) -> None:
        """Take note of the POPs in service."""
        self._pops = np.flatnonzero(situation.in_service)

    def answer(self, entries: npt.NDArray[np.intp]) -> Pops:
        """Return a POP for each, drawn."""
        return self._rng.choice(self._pops, len(entries))


class Geo:
    """The nearest POP in service from where the place table puts who asks; `is_checked`: of those in the best
    health.
    """

    def __init__(self, networks: Networks, entries: Entries, *, is_checked: bool) -> None:
        self._km = networks.km[entries.network]
        self._is_checked = is_checked
        self._answers = np.zeros(len(entries), np.int64)

    def know(self, situation: Situation) -> None:
        """Order the POPs anew."""
        usable = situation.in_service
        if self._is_checked:
            state = np.array(situation.states)
            usable = usable & (state == state[usable].min())
        self._answers = np.where(usable, self._km, np.inf).argmin(axis=1)

    def answer(self, entries: npt.NDArray[np.intp]) -> Pops:
        """Return the nearest POP of each."""
        return self._answers[entries]


class Steered:
    """The real code: the live map of a server, masked by health."""

    def __init__(
        self,
        networks: Networks,
        entries: Entries,
        server: Server,
        pops: tuple[str, ...],
        rng: np.random.Generator,
    ) -> None:
        self._networks = networks
        self._entries = entries
        self._server = server
        self._pops = pops
        self._rng = rng
        self._own = np.zeros(0, np.int64)
        self._answers: Answers | None = None

    def know(self, situation: Situation) -> None:
        """Look the whole world up in the live map."""
        live = self._server.map
        if live is not None:
            self._own = np.array([self._pops.index(pop.id) for pop in live.pops])
            own = [situation.states[column] for column in self._own]
            self._answers = answers_of(live.classes[0], self._networks, self._entries, own)

    def answer(self, entries: npt.NDArray[np.intp]) -> Pops:
        """Return what the map answers each."""
        if self._answers is None:
            raise RuntimeError("nothing is built yet")
        return self._own[self._answers.draw(entries, self._rng)]
