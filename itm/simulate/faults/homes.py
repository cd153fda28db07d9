"""Where the simulated networks of a recorded client live: places of the table around it.

A place belongs to one client. A cell belongs to the clients of one fold, so that its prediction can be one
that saw none of them. Which places a client gets does not depend on how many networks are simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.geography import distance_km
from collectors.places import PlaceTable
from itm.simulate.clients import NEAR_KM, Client

MOST_PLACES: Final = 24
"""Places of one client: providers of its city and of the towns around it."""

LEAST_UNITS: Final = 4.0
"""A place with fewer /24s is too small to be anybody's home."""


@dataclass(frozen=True, slots=True)
class Home:
    """One recorded client, the fold that never saw it, and its places in the order they are filled."""

    client: Client
    fold: int
    places: tuple[int, ...]


def homes_of(clients: Sequence[Client], fold_of_group: dict[int, int], places: PlaceTable) -> list[Home]:
    """Return the homes of all clients that find one; those of every client's first place come first."""
    taken: set[int] = set()
    fold_of_cell: dict[int, int] = {}
    found: list[list[int]] = [[] for _ in clients]
    choices = [_near(client, places) for client in clients]
    folds = [fold_of_group[client.group] for client in clients]
    for _ in range(MOST_PLACES):
        for own, choice, fold in zip(found, choices, folds, strict=True):
            for place in choice:
                free = place not in taken and fold_of_cell.get(int(places.cell[place]), fold) == fold
                if free:
                    taken.add(place)
                    fold_of_cell[int(places.cell[place])] = fold
                    own.append(place)
                    break
    rows = zip(clients, folds, found, strict=True)
    return [Home(client, fold, tuple(own)) for client, fold, own in rows if own]


def _near(client: Client, places: PlaceTable) -> Iterator[int]:
    """Yield the places of the client's country near it, nearest first, the larger of a cell first."""
    country = places.countries[int(places.country[places.place_of(client.network)])]
    here = _large(places, places.countries.index(country))
    km = np.round(distance_km(np.array(client.lat), np.array(client.lon), places.lat[here], places.lon[here]))
    order = np.lexsort((-places.weight[here], km))
    near = order[km[order] <= max(NEAR_KM, float(km.min(initial=np.inf)))]
    yield from here[near].tolist()


def _large(places: PlaceTable, country: int) -> npt.NDArray[np.intp]:
    return np.flatnonzero((places.country == country) & (places.weight >= LEAST_UNITS) & (places.asn != 0))
