"""Drafts of all classes and rooms in, grants out: what is full for whom, with every network counted once.

Demand becomes sessions by what POPs report. A class weighs as much as its services do together: each by its
queries, all alike until these are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from itm.steer.arrivals import Bound, arriving, parted
from itm.steer.assign import Floats
from itm.steer.build import ClassBuild, Draft
from itm.steer.decide import Decision
from itm.steer.evidence import Keys
from itm.steer.grants import Granted
from itm.steer.memory import Pops
from itm.steer.outlook import Outlook, landed
from itm.steer.rooms import Rooms
from itm.steer.spill import Asked, spill
from itm.steer.steps import NO_POP


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """The demand of a class's rows, of clients and of resolvers: in sessions, and in its own unit."""

    clients: Floats
    resolvers: Floats
    clients_demand: Floats
    resolvers_demand: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """What each class is granted, the sessions of its rows, and `most`, how many of them may arrive per POP;
    `unit` per POP as in `Rooms.units`, `wanted` the load if no POP were full. Without `sessions` no POP can
    be full.
    """

    rooms: Rooms
    granted: tuple[Granted, ...]
    sessions: tuple[Sessions, ...] = ()
    most: tuple[Floats, ...] = ()
    unit: Floats = field(default_factory=lambda: np.zeros(0))
    wanted: Floats = field(default_factory=lambda: np.zeros(0))

    def bound(self, index: int) -> Bound | None:
        """Return how much of a class may arrive at each POP at once; None: no POP can be full."""
        if not self.sessions:
            return None
        own = self.sessions[index]
        return Bound(own.clients, own.resolvers, self.most[index])

    def outlook(self, builds: Sequence[ClassBuild]) -> Outlook | None:
        """Return how full POPs will be with these builds; None where nobody knows sessions."""
        if not self.sessions:
            return None
        load, demand = np.zeros((2, len(self.rooms.capacity)))
        for build, own in zip(builds, self.sessions, strict=True):
            clients, resolvers = build.decision, build.resolvers.decision
            load += _load(clients, own.clients, self.rooms) + _load(resolvers, own.resolvers, self.rooms)
            demand += _load(clients, own.clients_demand, self.rooms)
            demand += _load(resolvers, own.resolvers_demand, self.rooms)
        return Outlook(builds[0].after.pops, self.rooms, self.wanted, load, self.unit, demand)


def balance(drafts: Sequence[Draft], rooms: Rooms) -> Balance:
    """Return what every class is granted, so that POPs stay within their limits where they can."""
    pops, classes = len(rooms.capacity), len(drafts)
    none = Balance(rooms, (Granted.nothing(),) * classes)
    if not rooms.is_limited:
        return none
    services = _services(drafts[0])
    parts = [part for i, draft in enumerate(drafts) for part in _parts(draft, i, services[i])]
    served = np.sum([np.bincount(part.at, part.demand, pops + 1)[:pops] for part in parts], axis=0)
    unit = rooms.units(served)
    if not unit.any():
        return none
    known = np.append(unit, unit.mean())
    sessions = [part.demand * known[part.at] for part in parts]
    rows = [part.asked(own) for part, own in zip(parts, sessions, strict=True)]
    fixed = np.sum([p.fixed(own, pops) for p, own in zip(parts, sessions, strict=True)], axis=0)
    asked = Asked.joined(rows)
    granted = spill(asked, rooms.capacity, rooms.is_away, fixed, classes)
    wanted = landed(asked.near, asked.demand, rooms.is_away) + fixed
    demand = [part.demand for part in parts]
    own = tuple(Sessions(*sessions[i : i + 2], *demand[i : i + 2]) for i in range(0, len(parts), 2))
    moves = [part.moving(granted[part.index], each, pops) for part, each in zip(parts, sessions, strict=True)]
    most = parted(rooms.capacity, [moves[i] + moves[i + 1] for i in range(0, len(parts), 2)])
    return Balance(rooms, tuple(granted), own, tuple(most), unit, wanted)


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


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The rows of one class, clients or resolvers: `at` is the POP that serves each, the last for nobody."""

    index: int
    key: Keys
    decision: Decision
    served: Pops
    at: npt.NDArray[np.intp]
    demand: Floats
    may_move: bool
    sticks: bool

    def asked(self, sessions: Floats) -> Asked:
        """Return the rows that have a candidate and are not shared."""
        decision = self.decision
        own = np.flatnonzero((decision.near[:, 0] != NO_POP) & ~decision.shares.any(axis=1))
        return Asked(
            of_class=np.full(len(own), self.index),
            key=self.key[own],
            near=decision.near[own],
            near_ms=decision.near_ms[own],
            served=self.served[own] if self.sticks else np.full(len(own), NO_POP, np.uint16),
            demand=sessions[own],
            may_move=np.full(len(own), self.may_move),
        )

    def fixed(self, sessions: Floats, pops: int) -> Floats:
        """Return what POPs get of rows that are shared."""
        return self.decision.load(np.where(self.decision.shares.any(axis=1), sessions, 0.0), pops)

    def moving(self, granted: Granted, sessions: Floats, pops: int) -> Floats:
        """Return what the rows want to bring to each POP that did not serve them until now."""
        return arriving(granted.firsts(self.key, self.decision.ranks[:, 0]), self.served, sessions, pops)


def _services(draft: Draft) -> dict[int, float]:
    """Return what the services of each class weigh together; as many as there are, over all classes."""
    index = draft.world.class_index
    weight: dict[int, float] = defaultdict(float)
    for name, share in draft.demand.of_services(index).items():
        weight[index[name]] += share
    return weight


def _parts(draft: Draft, index: int, services: float) -> Iterator[_Part]:
    """Yield the clients of one class, then its resolvers."""
    pops, steer = len(draft.world.pops), draft.steering.steer
    clients, resolvers = demand_of(draft)
    for key, decision, served, demand in (
        (draft.frame.keys["row"], draft.decision, draft.frame.served, clients),
        (draft.resolvers.keys, draft.apart, draft.apart_served, resolvers),
    ):
        at = np.minimum(np.where(served < pops, served, decision.near[:, 0]), pops).astype(np.intp)
        does = "capacity" in steer, "sticky" in steer
        yield _Part(index, key, decision, served, at, demand * services, *does)


def _load(decision: Decision, demand: Floats, rooms: Rooms) -> Floats:
    """Return what every POP gets: of shared rows by their shares, of others the first that is not away."""
    is_shared = decision.shares.any(axis=1)
    shared = decision.load(np.where(is_shared, demand, 0.0), len(rooms.capacity))
    return shared + landed(decision.ranks, np.where(is_shared, 0.0, demand), rooms.is_away)
