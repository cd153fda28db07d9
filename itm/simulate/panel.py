"""Networks that measure, and the world that steers them: real guard, windows, evidence and builds.

Time is virtual. What the networks measure is `truth_ms`, which whoever plays sets anew as the play goes on,
and the noise of their access on top; each network has a few addresses that take turns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.aggregate import aggregate
from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.measurement import METRICS, RECORD, SOURCES
from collectors.window import Windows
from itm.simulate.access import LOSS, access_of
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild
from itm.steer.cycle import Knowledge, build_all
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.resolvers import Resolvers
from itm.steer.world import World

ADDRESSES: Final = 5
"""Clients of each network: as many as must have measured a POP before the network believes it."""

START: Final = 1_700_006_400.0
"""Midnight UTC of some day."""

UNLIMITED: Final = Limits(candidates=4, max_moved_share=1.0)

Floats = npt.NDArray[np.float64]
Records = npt.NDArray[np.void]


class Panel:
    """Networks (`unit`: /24s) with the round trips that they would measure without their access, (units,
    POPs) in ms; NaN: nothing to measure there now. `rests` False: rows that moved do not rest, as without a
    clock.
    """

    def __init__(
        self,
        world: World,
        unit: npt.NDArray[np.uint64],
        truth_ms: Floats,
        seed: int,
        limits: Limits = UNLIMITED,
        *,
        rests: bool = True,
    ) -> None:
        self.truth_ms = truth_ms
        self.now = START
        self._world, self._unit, self._limits, self._rests = world, unit, limits, rests
        self._rng = np.random.default_rng(seed)
        self._scale = np.array([[access_of(self._rng).scale_ms for _ in range(ADDRESSES)] for _ in unit])
        pops = world.catalog.pops
        self._names = np.array(world.pops, "S32")
        self._sites = PopSites.of([p.id for p in pops], [p.lat for p in pops], [p.lon for p in pops])
        self._guard = Guard()
        self._windows = Windows(max_cells=1_000_000, clock=lambda: self.now)
        self._builds: tuple[ClassBuild, ...] = ()
        self._turn = 0

    def measure(self, seconds: float) -> None:
        """Let so much time pass, in which each network measures every POP once, from its next address."""
        who, pop = np.nonzero(np.isfinite(self.truth_ms))
        address, self._turn = self._turn % ADDRESSES, self._turn + 1
        seen = self.truth_ms[who, pop] + self._rng.exponential(self._scale[who, address])
        reached = self._rng.random(len(who)) >= LOSS
        outcomes = self._records(who, pop, address, "availability", reached)
        values = self._records(who, pop, address, "rtt_ms", seen)[reached]
        self.now += seconds
        heard = np.concatenate([outcomes, values])
        heard["time"] = self.now - seconds * self._rng.random(len(heard))
        half_life = self._windows.half_life_seconds
        taken = take(heard, self._guard, self._world.ladder, self._sites, self.now, half_life)
        self._windows.merge(taken.gathered)

    def build(self) -> None:
        """Build the next map from what was measured."""
        self._windows.decay()
        evidence = Evidence.of_world(aggregate(self._windows, lambda: self.now), self._world)
        resolvers = Resolvers.of(self._world, evidence, Behind.nothing())
        knowledge = Knowledge(evidence, resolvers, now=self.now if self._rests else 0.0)
        last = self._builds
        memories = [build.after for build in last] or [Memory.nothing()] * len(self._world.classes)
        self._builds = build_all(self._world, knowledge, memories, self._limits, last)

    def served(self) -> npt.NDArray[np.uint16]:
        """Return the first POP of every network in the map of the first class."""
        build = self._builds[0]
        segments = build.rows.segments[4]
        row = segments.row[np.searchsorted(segments.start, self._unit, side="right") - 1]
        first: npt.NDArray[np.uint16] = build.decision.ranks[row, 0]
        return first

    def _records(
        self,
        who: npt.NDArray[np.intp],
        pop: npt.NDArray[np.intp],
        address: int,
        metric: str,
        value: npt.NDArray[np.generic],
    ) -> Records:
        records = np.zeros(len(who), RECORD)
        records["unit"], records["family"] = self._unit[who], 4
        records["client"] = who * ADDRESSES + address + 1
        records["pop"], records["value"] = self._names[pop], value
        records["metric"], records["source"] = METRICS.index(metric), SOURCES.index("rum")
        return records
