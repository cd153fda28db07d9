"""Resolvers between clients and answers: who asks for whom, and how long an answer is kept.

An *entry* is one answer in one cache: of a resolver that names clients (ECS) there is one for each of their
networks, of any other one for all who use it. Most obey TTLs, some stretch short ones. People keep using
an entry until it has expired; the next of them to ask has it fetched anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.simulate.faults.networks import Networks

STRETCHED_SECONDS: Final = 300.0
"""The least time that resolvers which stretch TTLs keep an answer."""

HUBS: Final = 8
"""Sites of the public resolver that names no clients: in the countries with the most demand."""


@dataclass(frozen=True, slots=True)
class Resolving:
    """How networks resolve, as shares of networks.

    `ecs` by a public resolver that names clients, `far` by one that does not and stands at the nearest of few
    hubs, all others by their provider's. `stretching` is the share of resolvers that stretch TTLs.
    """

    ecs: float = 0.25
    far: float = 0.05
    stretching: float = 0.10


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Answers that are kept, and the entry that each network uses (`of_network`).

    Of each the `network` that it is asked for by (of a resolver without ECS, the one that it stands in),
    `is_named` whether that is the client's, `least_seconds` the least it is kept.
    """

    network: npt.NDArray[np.int64]
    is_named: npt.NDArray[np.bool_]
    least_seconds: npt.NDArray[np.float64]
    of_network: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.network)


def entries_of(networks: Networks, resolving: Resolving, rng: np.random.Generator) -> Entries:
    """Draw how each network resolves; each place has two resolvers of its provider's."""
    size = len(networks)
    draw = rng.random(size)
    # Numbers of resolvers: two per place, then one per hub, then one per network that is named.
    places = int(networks.place.max()) + 1
    _, first = np.unique(networks.place, return_index=True)
    stands = np.zeros(2 * places + HUBS, np.int64)
    stands[2 * networks.place[first]] = stands[2 * networks.place[first] + 1] = first
    hubs = _hubs(networks)
    stands[2 * places : 2 * places + len(hubs)] = hubs
    away = (networks.lat[:, None] - networks.lat[hubs]) ** 2 + (
        np.cos(np.radians(networks.lat))[:, None] * _turn(networks.lon[:, None] - networks.lon[hubs])
    ) ** 2
    resolver = 2 * networks.place.astype(np.int64) + (rng.random(size) < resolving.stretching)
    is_far = draw >= 1 - resolving.far
    resolver[is_far] = 2 * places + away.argmin(axis=1)[is_far]
    is_named = draw < resolving.ecs
    resolver[is_named] = len(stands) + np.flatnonzero(is_named)
    used, of_network = np.unique(resolver, return_inverse=True)
    named = used >= len(stands)
    at = np.where(named, used - len(stands), stands[np.minimum(used, len(stands) - 1)])
    stretches = np.where(used < 2 * places, used % 2 == 1, rng.random(len(used)) < resolving.stretching)
    return Entries(at, named, np.where(stretches, STRETCHED_SECONDS, 0.0), of_network)


def _hubs(networks: Networks) -> npt.NDArray[np.int64]:
    """Return where the public resolver stands: the largest network of the countries with most demand."""
    _, which = np.unique(networks.country, return_inverse=True)
    demand = np.bincount(which, networks.weight)
    chosen = np.argsort(-demand, kind="stable")[:HUBS]
    own = (np.flatnonzero(which == one) for one in chosen)
    return np.array([here[networks.weight[here].argmax()] for here in own])


def _turn(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray((degrees + 180) % 360 - 180)


class Caches:
    """The entries' answers under one strategy, and when each expires (seconds)."""

    def __init__(self, entries: Entries, ttl: float, now: float, rng: np.random.Generator) -> None:
        self._entries = entries
        self._seconds = np.maximum(entries.least_seconds, ttl)
        self._expires = now - self._seconds * rng.random(len(entries))
        self.pop = np.zeros(len(entries), np.int64)
        """The POP that each entry answers."""

    def due(self, now: float) -> npt.NDArray[np.intp]:
        """Return the entries that have expired by now; they are kept for another while from then on."""
        due = np.flatnonzero(self._expires <= now)
        late = np.floor((now - self._expires[due]) / self._seconds[due]) + 1
        self._expires[due] += late * self._seconds[due]
        return due

    def keep(self, entries: npt.NDArray[np.intp], pop: npt.NDArray[Any]) -> None:
        """Keep fresh answers."""
        self.pop[entries] = pop

    def served(self) -> npt.NDArray[np.int64]:
        """Return the POP of each network."""
        return self.pop[self._entries.of_network]
