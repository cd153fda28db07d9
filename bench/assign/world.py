"""Networks of the shipped place table, POPs in its largest cities, and rooms that do not suit them.

Round trips are physics with a detour of chance per country and POP, and a fifth of noise per network. Demand
is heavy tailed, as traffic is; a POP's room follows what is nearest to it only roughly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from collectors import places
from itm.steer.groups import Near
from models.prior import floor_ms
from models.sites import Sites

DATA: Final = Path(__file__).resolve().parents[2] / "data"
CANDIDATES: Final = 8
FILL: Final = 0.7
"""Demand as a share of all rooms."""


class Asked(NamedTuple):
    """What is to be assigned: networks, and the room of every POP in the unit of their demand."""

    near: Near
    room: npt.NDArray[np.float64]


def asked(networks: int, pops: int, seed: int = 1) -> Asked:
    """Return these many networks and POPs."""
    rng = np.random.default_rng(seed)
    clients, servers = _sites(networks, pops, rng)
    _, country = np.unique(clients.country, return_inverse=True)
    detour = rng.uniform(1.2, 2.5, (country.max() + 1, pops))[country]
    rtt = (floor_ms(clients, servers) * detour + 5) * np.exp(rng.normal(0, 0.2, (networks, pops)))
    pop = np.argsort(rtt, axis=1)[:, :CANDIDATES]
    cost = np.take_along_axis(rtt, pop, axis=1)
    demand = rng.pareto(1.2, networks) + 0.01
    nearest = np.bincount(pop[:, 0], demand, pops)
    room = nearest * np.exp(rng.normal(0, 0.5, pops)) + demand.sum() / (4 * pops)
    near = Near(
        pop=pop.astype(np.uint16),
        cost_ms=cost - cost[:, :1],
        served=pop[:, 0].astype(np.uint16),
        demand=demand,
        key=np.arange(networks, dtype=np.uint64),
    )
    return Asked(near, room * demand.sum() / FILL / room.sum())


def _sites(networks: int, pops: int, rng: np.random.Generator) -> tuple[Sites, Sites]:
    """Return networks drawn by their places' addresses, and POPs in the heaviest cells."""
    table = places.load(DATA / "places.itm")
    cells = Sites(*table.cell_sites())
    weight = np.bincount(table.cell, table.weight, len(cells))
    weight[~cells.is_placed] = 0
    drawn = rng.choice(len(cells), networks, p=weight / weight.sum())
    return cells.take(drawn), cells.take(np.argsort(-weight)[:pops])
