"""A crowd of users made of recorded clients: many networks in each place, some users in each network.

All users of one recorded client have its round trips, each with an access of its own. Arrays of one length,
so that a day of thousands of users is made in a moment; who among them lies is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.places import PlaceTable
from itm.simulate.access import access_of
from itm.simulate.clients import Client

NETWORKS = 24
"""Networks with users in one client's place, as far as it has so many."""

MEAN_USERS = 4.0
"""Users of one network in the mean, geometrically distributed: many networks have fewer than five."""


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """One row per user: `source` is the index of the recorded client, `name` a number nobody else has."""

    source: npt.NDArray[np.int64]
    place: npt.NDArray[np.uint32]
    unit: npt.NDArray[np.uint64]
    name: npt.NDArray[np.uint32]
    scale_ms: npt.NDArray[np.float64]
    truth_ms: npt.NDArray[np.float64]  # (users, POPs)

    def __len__(self) -> int:
        return len(self.unit)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Crowd:
        """Return those users."""
        return Crowd(*(getattr(self, name)[rows] for name in self.__slots__))


def crowd_of(clients: Sequence[Client], places: PlaceTable, rng: np.random.Generator) -> Crowd:
    """Return the users around the clients; a network belongs to one client's users alone."""
    taken: set[int] = set()
    rows: list[tuple[int, int, int]] = []
    for source, client in enumerate(clients):
        place = places.place_of(client.network)
        for unit in _networks(places, place, taken):
            rows += [(source, place, unit)] * int(rng.geometric(1 / MEAN_USERS))
    table = np.array(rows, np.int64)
    truth = np.array([client.rtt_ms for client in clients])
    return Crowd(
        table[:, 0],
        table[:, 1].astype(np.uint32),
        table[:, 2].astype(np.uint64),
        np.arange(1, len(rows) + 1, dtype=np.uint32),
        np.array([access_of(rng).scale_ms for _ in rows]),
        truth[table[:, 0]],
    )


def _networks(places: PlaceTable, place: int, taken: set[int]) -> list[int]:
    """Return up to `NETWORKS` units of a place, spread over its runs, that nobody has yet; take them."""
    found: list[int] = []
    runs = np.flatnonzero(places.v4_place == place)
    ends = np.append(places.v4_start[1:], 1 << 24)
    for step in range(int((ends[runs] - places.v4_start[runs]).max())):
        for run in runs.tolist():
            unit = int(places.v4_start[run]) + step
            if unit < ends[run] and unit not in taken:
                found.append(unit)
                taken.add(unit)
            if len(found) == NETWORKS:
                return found
    return found
