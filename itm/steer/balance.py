"""Drafts of all classes and rooms in, grants out: what is full for whom, with every network counted once.

Demand becomes sessions by what POPs report in all. A class weighs as many times as it has services: what
each of them has is not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from itm.steer.assign import Floats
from itm.steer.build import ClassBuild, Draft
from itm.steer.decide import Decision
from itm.steer.grants import Granted
from itm.steer.outlook import Outlook, landed
from itm.steer.rooms import Rooms
from itm.steer.spill import Asked, spill
from itm.steer.steps import NO_POP

ARRIVALS: Final = 0.1
"""The share of a POP's capacity that may arrive there with one build (steering.md 7.12)."""


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """What each class is granted, the sessions of a unit of its demand, and the load if no POP were full."""

    rooms: Rooms
    granted: tuple[Granted, ...]
    unit: tuple[float, ...]
    wanted: Floats

    def arrivals(self, index: int) -> Floats | None:
        """Return how much demand of a class may arrive at each POP at once; None: no POP can be full."""
        if not self.unit[index]:
            return None
        each: Floats = ARRIVALS * self.rooms.capacity / (self.unit[index] * len(self.unit))
        return each

    def outlook(self, drafts: Sequence[Draft], builds: Sequence[ClassBuild]) -> Outlook | None:
        """Return how full POPs will be with these builds of the drafts; None where nobody knows sessions."""
        if not any(self.unit):
            return None
        load = np.zeros(len(self.rooms.capacity))
        for draft, build, unit in zip(drafts, builds, self.unit, strict=True):
            clients, resolvers = demand_of(draft)
            load += _load(build.decision, clients * unit, self.rooms)
            load += _load(build.resolvers.decision, resolvers * unit, self.rooms)
        return Outlook(drafts[0].world.pops, self.rooms, self.wanted, load, self.unit[0])


def balance(drafts: Sequence[Draft], rooms: Rooms) -> Balance:
    """Return what every class is granted, so that POPs stay within their limits where they can."""
    pops, classes = len(rooms.capacity), len(drafts)
    none = Balance(rooms, (Granted.nothing(),) * classes, (0.0,) * classes, np.zeros(pops))
    if not rooms.is_limited:
        return none
    services = Counter(drafts[0].world.class_index.values())
    parts = [_asked(draft, index, services[index]) for index, draft in enumerate(drafts)]
    asked = Asked.joined([rows for rows, _ in parts])
    fixed = np.sum([stays for _, stays in parts], axis=0)
    served = np.where(asked.served < pops, asked.served, asked.near[:, 0])
    now = np.concatenate([served[:, None], asked.near], axis=1)
    unit = rooms.sessions_per(landed(now, asked.demand, rooms.is_away) + fixed)
    if not unit:
        return none
    asked, fixed = replace(asked, demand=asked.demand * unit), fixed * unit
    granted = spill(asked, rooms.capacity, rooms.is_away, fixed, classes)
    wanted = landed(asked.near, asked.demand, rooms.is_away) + fixed
    return Balance(rooms, tuple(granted), tuple(unit * services[i] for i in range(classes)), wanted)


def demand_of(draft: Draft) -> tuple[Floats, Floats]:
    """Return the demand of a draft's rows and of its resolvers: what comes through these is not in those.

    Each network that was seen behind a resolver gives it its own demand, parted among its resolvers by
    sightings. All together are as much as the rows alone.
    """
    rows, behind = draft.frame.rows, draft.resolvers.behind
    weight = draft.weight.astype(np.float64)
    if not len(behind):
        return weight, np.zeros(0)
    row = rows.find(behind.client)
    four, six = (np.bincount(rows.segments[f].row, rows.segments[f].units(f), len(rows)) for f in (4, 6))
    units = np.where(four > 0, four, six)  # a row is weighed by its IPv4 networks where it has any
    _, client = np.unique(behind.client, return_inverse=True)
    sightings = np.bincount(client, behind.weight)
    through = weight[row] / np.maximum(units[row], 1) * behind.weight / np.maximum(sightings[client], 1e-9)
    resolvers = np.add.reduceat(np.append(through, 0), behind.start[:-1])
    return np.maximum(weight - np.bincount(row, through, len(rows)), 0), resolvers


def _asked(draft: Draft, index: int, services: int) -> tuple[Asked, Floats]:
    """Return the rows of one class, clients and resolvers, and what POPs get of rows that are shared."""
    frame, keys, sticks = draft.frame, draft.resolvers.keys, "sticky" in draft.steering.steer
    clients, resolvers = demand_of(draft)
    pops = len(draft.world.pops)
    rows, fixed = [], np.zeros(pops)
    for key, decision, served, demand in (
        (frame.keys["row"], draft.decision, frame.served, clients * services),
        (keys, draft.apart, draft.apart_served, resolvers * services),
    ):
        is_shared = decision.shares.any(axis=1)
        fixed += decision.load(np.where(is_shared, demand, 0.0), pops)
        own = np.flatnonzero((decision.near[:, 0] != NO_POP) & ~is_shared)
        rows.append(
            Asked(
                of_class=np.full(len(own), index),
                key=key[own],
                near=decision.near[own],
                near_ms=decision.near_ms[own],
                served=served[own] if sticks else np.full(len(own), NO_POP, np.uint16),
                demand=demand[own],
                may_move=np.full(len(own), "capacity" in draft.steering.steer),
            )
        )
    return Asked.joined(rows), fixed


def _load(decision: Decision, demand: Floats, rooms: Rooms) -> Floats:
    """Return what every POP gets: of shared rows by their shares, of others the first that is not away."""
    is_shared = decision.shares.any(axis=1)
    shared = decision.load(np.where(is_shared, demand, 0.0), len(rooms.capacity))
    return shared + landed(decision.ranks, np.where(is_shared, 0.0, demand), rooms.is_away)
