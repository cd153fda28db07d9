"""`simulate beacons`: so many measurements of every POP by every network, and what the maps then cost.

In process, through the real guard, windows, evidence and builds: in each round every recorded client's
network measures every POP once, from one of its addresses in turn, each with an access of its own; after each
round comes a build. The predictor never saw the networks. What is left of regret evidence does not mend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import aggregate
from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.measurement import METRICS, RECORD, SOURCES
from collectors.window import Windows
from itm.simulate.access import LOSS, access_of
from itm.simulate.clients import Client
from itm.simulate.replay import ADDRESSES, Outcome
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild
from itm.steer.cycle import Knowledge, build_all
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.resolvers import Resolvers
from itm.steer.world import World

STAGES: Final = (0, 5, 20, 100)
"""Beacons of every (network, POP) before each look at the map."""

ROUND_SECONDS: Final = 300.0
"""From one beacon of a (network, POP) to the next; a build follows each."""

SETTLE_BUILDS: Final = 2
"""Builds without anything new before a look: a network moves when two agree."""

LIMITS: Final = Limits(candidates=4, max_moved_share=1.0)
START: Final = 1_700_006_400.0

Floats = npt.NDArray[np.float64]
Records = npt.NDArray[np.void]


class Panel:
    """The networks of clients with their addresses, and the world that steers them."""

    def __init__(self, world: World, clients: Sequence[Client], seed: int) -> None:
        self._world = world
        self._clients = clients
        self._rng = np.random.default_rng(seed)
        self._truth = np.array([client.rtt_ms for client in clients])
        self._unit = np.array([client.network.unit for client in clients], np.uint64)
        self._scale = np.array([[access_of(self._rng).scale_ms for _ in range(ADDRESSES)] for _ in clients])
        pops = world.catalog.pops
        self._sites = PopSites.of([p.id for p in pops], [p.lat for p in pops], [p.lon for p in pops])
        self._guard = Guard()
        self._now = START
        self._windows = Windows(max_cells=1_000_000, clock=lambda: self._now)
        self._builds: tuple[ClassBuild, ...] = ()

    def run(self, stages: Sequence[int] = STAGES) -> list[Outcome]:
        """Return the POP of every client's network after each of so many beacons."""
        outcomes: list[Outcome] = []
        self._build()
        done = 0
        for stage in stages:
            for number in range(done, stage):
                self._measure(number)
                self._build()
            for _ in range(SETTLE_BUILDS):
                self._build()
            done = stage
            pops = self._served().tolist()
            outcomes += [Outcome(c, stage, pop) for c, pop in zip(self._clients, pops, strict=True)]
        return outcomes

    def _measure(self, number: int) -> None:
        """Let each network measure every POP once, from the address whose turn it is."""
        count, pops = self._truth.shape
        address = number % ADDRESSES
        seen = self._truth + self._rng.exponential(self._scale[:, [address]], (count, pops))
        reached = self._rng.random((count, pops)) >= LOSS
        who, pop = (index.ravel() for index in np.indices((count, pops)))
        outcomes = self._records(who, pop, address, "availability", reached.ravel())
        values = self._records(who, pop, address, "rtt_ms", seen.ravel())[reached.ravel()]
        self._now += ROUND_SECONDS
        for records in (outcomes, values):
            records["time"] = self._now - ROUND_SECONDS * self._rng.random(len(records))
        heard = np.concatenate([outcomes, values])
        half_life = self._windows.half_life_seconds
        taken = take(heard, self._guard, self._world.ladder, self._sites, self._now, half_life)
        self._windows.merge(taken.gathered)

    def _records(
        self,
        who: npt.NDArray[np.intp],
        pop: npt.NDArray[np.intp],
        address: int,
        metric: str,
        value: npt.NDArray[np.generic],
    ) -> Records:
        names = np.array(self._world.pops, "S32")
        records = np.zeros(len(who), RECORD)
        records["unit"], records["family"] = self._unit[who], 4
        records["client"] = who * ADDRESSES + address + 1
        records["pop"], records["value"] = names[pop], value
        records["metric"], records["source"] = METRICS.index(metric), SOURCES.index("rum")
        return records

    def _build(self) -> None:
        self._windows.decay()
        evidence = Evidence.of_world(aggregate(self._windows, lambda: self._now), self._world)
        knowledge = Knowledge(evidence, Resolvers.of(self._world, evidence, Behind.nothing()))
        last = self._builds
        memories = [build.after for build in last] or [Memory.nothing()] * len(self._world.classes)
        self._builds = build_all(self._world, knowledge, memories, LIMITS, last)

    def _served(self) -> npt.NDArray[np.uint16]:
        """Return the first POP of every network in the map of the first class."""
        build = self._builds[0]
        segments = build.rows.segments[4]
        row = segments.row[np.searchsorted(segments.start, self._unit, side="right") - 1]
        first: npt.NDArray[np.uint16] = build.decision.ranks[row, 0]
        return first
