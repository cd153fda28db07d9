"""One run of a scenario: virtual time, in steps of a build cycle, finer after anything changes at once.

In every step, in this order: what happens now, what was measured since the last build and the build, checks,
caches; then what users see until the next step. Columns of all arrays are the recorded POPs, whether the
catalog of the moment names them or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.measurement import POP_ID_BYTES
from itm.catalog.types import Catalog
from itm.config import Config
from itm.routemap.health import State
from itm.simulate.faults.checks import Checks
from itm.simulate.faults.ground import Ground
from itm.simulate.faults.load import capacities, load_ms
from itm.simulate.faults.moment import Moment, Scene, moment_at
from itm.simulate.faults.oracle import Best, best
from itm.simulate.faults.outcome import Outcome, Point
from itm.simulate.faults.resolving import Caches, entries_of
from itm.simulate.faults.scenario import Scenario
from itm.simulate.faults.seen import Seen, see
from itm.simulate.faults.server import Server
from itm.simulate.faults.sessions import Sessions
from itm.simulate.faults.strategy import (
    ITM,
    NEAREST,
    ORACLE,
    ROUND_ROBIN,
    STATIC_GEO,
    Geo,
    RoundRobin,
    Situation,
    Steered,
    Strategy,
)
from itm.simulate.faults.tally import Tally
from itm.steer.loads import PopLoad
from itm.steer.silence import SilenceWatch

BEGIN: Final = 1_700_006_400.0
"""Midnight UTC of some day: the minute 0 of every scenario."""

CYCLE_SECONDS: Final = 300.0
"""From one build to the next."""

FINE_SECONDS: Final = 5.0
"""The step after anything changed at once, for as long as resolvers may keep what they have."""

FINE_FOR: Final = 420.0

MOST_VIEWS: Final = 800
"""Page views that are measured in one cycle, however many networks there are."""

SETTLED_SECONDS: Final = 30.0
"""After a build, when most resolvers have its answers."""

WARM_VIEWS: Final = 12.0
WARM_SECONDS: Final = 21_600.0
"""Page views of each network in the mean before the beginning, over so long."""

MOST_WARM_CYCLES: Final = 100
"""And at most as many as in so many cycles."""

WARM_BUILDS: Final = 3

SESSIONS: Final = 100_000.0
"""Sessions that all demand at rest is."""

MOST_PAIRS: Final = 500
"""Clients that are seen behind their resolver in one cycle."""

Floats = npt.NDArray[np.float64]


class Run:
    """Everything that a scenario's events may touch; `outcome` is what it came to."""

    def __init__(self, scenario: Scenario, ground: Ground, seed: int) -> None:
        self.scenario = scenario
        self.ground = ground
        self.networks = ground.networks
        self.pops = ground.catalog.pops
        self.minute = 0.0
        self.told: list[tuple[float, str]] = []
        """What was said on the way: minute and sentence."""
        self._config = Config()
        self._rng = np.random.default_rng(seed)
        self._entries = entries_of(self.networks, scenario.resolving, self._rng)
        first = self.networks.rtt_ms.argmin(axis=1)
        nearest = np.bincount(first, self.networks.weight, len(self.pops)).astype(np.float64)
        self.rest = Moment.at_rest(self.networks, capacities(nearest, scenario.headroom))
        self.catalog = self._without(ground.catalog, scenario.without)
        self.server = Server(ground.world(self.catalog, 1), BEGIN - WARM_SECONDS, self._config)
        self.checks = Checks(self.pops, self._config.probe, BEGIN, seed)
        ids = np.array([pop.id.encode() for pop in self.pops], f"S{POP_ID_BYTES}")
        self.sessions = Sessions(self.networks, ids, self._rng)
        self._scene = Scene(self.networks, self.pops)
        self._moment = self.rest
        self._best: tuple[tuple[object, ...], Best] | None = None
        self._strategies = self._make_strategies()
        ttl = float(self.catalog.services[0].ttl)
        self._caches = {name: Caches(self._entries, ttl, BEGIN, self._rng) for name in self._strategies}
        self._states: list[int] = []
        self._silence = SilenceWatch(self._config.collect.half_life_hours * 3600)
        self._silent_weight = 2.0
        self._hit_before: dict[str, npt.NDArray[np.bool_]] = {}

    @property
    def now(self) -> float:
        """The moment, in seconds since the epoch."""
        return BEGIN + self.minute * 60

    @property
    def in_service(self) -> npt.NDArray[np.bool_]:
        """Which of the recorded POPs the live catalog names."""
        return np.isin([pop.id for pop in self.pops], self.server.world.pops)

    def served(self, strategy: str) -> npt.NDArray[np.int64]:
        """Return the POP (a column) that each network's resolver has for it under a strategy."""
        return self._caches[strategy].served()

    def offer(self, catalog: Catalog) -> None:
        """Put a catalog through the server's gate. Raises `UnsafePlan` when it is refused."""
        self.server.propose(self.ground.world(catalog, self.server.world.catalog_version + 1), self.now)
        self.catalog = catalog
        self._expect()
        self._know()

    def tell(self, sentence: str) -> None:
        """Say something that belongs in the report."""
        self.told.append((self.minute, sentence))

    def play(self) -> Outcome:
        """Run from the beginning to the end."""
        self._warm_up()
        tallies: dict[tuple[str, str], Tally] = {}
        points: list[Point] = []
        events = sorted(self.scenario.events, key=lambda event: event.minute)
        for minute, seconds in self._steps():
            self.minute = minute
            self._moment = moment_at(minute, self.scenario.faults, self.rest, self._scene)
            while events and events[0].minute <= minute:
                events.pop(0).happen(self)
            if minute > 0 and (minute * 60) % CYCLE_SECONDS == 0:
                self._cycle()
            seen = self._look(seconds)
            points.append(self._point(minute + seconds / 60, seen))
            for phase in self.scenario.phases:
                if phase.start <= minute < phase.end:
                    self._count(tallies, phase.name, seconds, seen)
        lines = tuple(tally.line() for tally in tallies.values())
        return Outcome(self.scenario, len(self.networks), lines, tuple(points), tuple(self.told))

    def _steps(self) -> Iterator[tuple[float, float]]:
        """Yield each step's beginning in minutes and its length in seconds."""
        edges = [edge * 60 for edge in self.scenario.edges]
        at, end = 0.0, self.scenario.minutes * 60
        while at < end:
            is_fine = any(edge <= at < edge + FINE_FOR for edge in edges)
            cycle = at // CYCLE_SECONDS * CYCLE_SECONDS
            ends = [one for one in (cycle + SETTLED_SECONDS, cycle + CYCLE_SECONDS) if one > at]
            stops = [at + FINE_SECONDS] if is_fine else ends
            stops += [edge for edge in edges if edge > at]
            until = min([*stops, end])
            yield at / 60, until - at
            at = until

    def _warm_up(self) -> None:
        """Measure for some hours before the beginning, and build until what two builds want is made."""
        self._expect()
        start = BEGIN - WARM_SECONDS
        size = len(self.networks)
        served = np.where(self.in_service, self.networks.km, np.inf).argmin(axis=1)
        views = int(min(WARM_VIEWS * size, MOST_WARM_CYCLES * MOST_VIEWS))
        records = self.sessions.between(start, BEGIN, views, served, self.rest)
        self.server.receive(records, BEGIN)
        for _ in range(WARM_BUILDS):
            self.server.build(BEGIN)
        self._states = self.checks.states(BEGIN)
        self._know()
        everyone = np.arange(len(self._entries))
        for name, strategy in self._strategies.items():
            self._caches[name].keep(everyone, strategy.answer(everyone))

    def _cycle(self) -> None:
        """Measure what happened since the last build, and build."""
        first, last = self.scenario.mute
        if not first < self.minute <= last:
            size = len(self.networks)
            views = int(min(self.scenario.views_per_day * size * CYCLE_SECONDS / 86_400, MOST_VIEWS))
            served = self._caches[ITM].served()
            since, middle = self.now - CYCLE_SECONDS, self.minute - CYCLE_SECONDS / 120
            then = self._with_load(moment_at(middle, self.scenario.faults, self.rest, self._scene))
            self.server.receive(self.sessions.between(since, self.now, views, served, then), self.now)
            self._pair(views)
        if self.scenario.reports_load:
            self._report_load()
        self.server.build(self.now)
        self._expect()
        self._know()
        self._listen()

    def _listen(self) -> None:
        """Tell when nothing is measured any more, and again whenever that weighs half as much."""
        silence = self._silence.look(self.server.aggregates)
        if silence is None:
            self._silent_weight = 2.0
        elif silence.weight <= self._silent_weight / 2:
            self._silent_weight = silence.weight
            self.tell(str(silence))

    def _with_load(self, moment: Moment) -> Moment:
        """Return the truth as people measure it: they wait where everybody waits who ITM sent there."""
        served = self.served(ITM)
        here = moment.reached[np.arange(len(served)), served]
        load = np.bincount(served, np.where(here, moment.demand, 0.0), len(self.pops)).astype(np.float64)
        waiting = load_ms(load, moment.capacity).astype(np.float32)
        return moment.but(rtt_ms=moment.rtt_ms + waiting) if waiting.any() else moment

    def _report_load(self) -> None:
        """Let POPs report their sessions, served or waiting, and their room; tell the server who is away."""
        moment, served = self._moment, self.served(ITM)
        here = moment.reached[np.arange(len(served)), served]
        load = np.bincount(served, np.where(here, moment.demand, 0.0), len(self.pops)) * SESSIONS
        room = moment.capacity * SESSIONS
        ids = [pop.id for pop in self.pops]
        self.server.loads = {
            pop: PopLoad(sessions, most, 1, 0.0)
            for pop, sessions, most in zip(ids, load.tolist(), room.tolist(), strict=True)
        }
        self.server.states = {pop: State(state) for pop, state in zip(ids, self._states, strict=True)}

    def _pair(self, views: int) -> None:
        """Let some of the people be seen behind their resolvers."""
        if not self.scenario.resolver_map:
            return
        some = self._rng.integers(0, len(self.networks), min(views, MOST_PAIRS))
        entry = self._entries.of_network[some]
        some, entry = (column[~self._entries.is_named[entry]] for column in (some, entry))
        unit = self.networks.unit
        self.server.pair(unit[self._entries.network[entry]].tolist(), unit[some].tolist(), self.now)

    def _look(self, seconds: float) -> dict[str, Seen]:
        """Let checks and caches do what they do in these seconds, and return what users see meanwhile."""
        now = self.now + seconds
        answers = np.asarray(self._moment.reached.any(axis=0))
        if seconds <= FINE_SECONDS:
            self.checks.until(now, answers)
        else:
            self.checks.skip(now - FINE_SECONDS)
            self.checks.until(now, answers)
        states = self.checks.states(now)
        if states != self._states:
            self._states = states
            self._know()
        in_service = self.in_service
        oracle = self._oracle(in_service)
        found = {}
        for name, strategy in self._strategies.items():
            cache, before = self._caches[name], self._caches[name].served()
            due = cache.due(now)
            cache.keep(due, strategy.answer(due))
            found[name] = see(self._moment, cache.served(), before, oracle)
        found[ORACLE] = Seen.of_best(self._moment, oracle)
        return found

    def _oracle(self, in_service: npt.NDArray[np.bool_]) -> Best:
        active = tuple(fault.start <= self.minute < fault.end for fault in self.scenario.faults)
        name = (active, tuple(in_service.tolist()))
        if self._best is None or self._best[0] != name:
            self._best = (name, best(self._moment, self.networks, in_service))
        return self._best[1]

    def _count(
        self, tallies: dict[tuple[str, str], Tally], phase: str, seconds: float, seen: dict[str, Seen]
    ) -> None:
        for name, one in seen.items():
            tally = tallies.setdefault((phase, name), Tally(name, phase))
            tally.add(seconds, self._moment.demand, one)

    def _point(self, minute: float, seen: dict[str, Seen]) -> Point:
        """Return what is plotted; who was hit before the scenario's `hit` is not hit by it."""
        demand, total = self._moment.demand, float(self._moment.demand.sum())
        if minute <= self.scenario.hit:
            self._hit_before = {name: one.hit for name, one in seen.items()}
        before = self._hit_before
        hit = {name: one.hit & ~before[name] if name in before else one.hit for name, one in seen.items()}
        return Point(
            minute,
            regret_ms={name: one.regret_ms for name, one in seen.items()},
            available={name: float(demand[one.reached].sum()) / total for name, one in seen.items()},
            hit={name: float(demand[of].sum()) / total for name, of in hit.items()},
            over={name: one.over for name, one in seen.items()},
            fullest={name: float(one.load.max()) for name, one in seen.items()},
        )

    def _know(self) -> None:
        situation = Situation(self._states, self.in_service)
        for strategy in self._strategies.values():
            strategy.know(situation)

    def _make_strategies(self) -> dict[str, Strategy]:
        networks, entries = self.networks, self._entries
        ids = tuple(pop.id for pop in self.pops)
        return {
            ROUND_ROBIN: RoundRobin(np.random.default_rng(1)),
            NEAREST: Geo(networks, entries, is_checked=False),
            STATIC_GEO: Geo(networks, entries, is_checked=True),
            ITM: Steered(networks, entries, self.server, ids, np.random.default_rng(2)),
        }

    def _expect(self) -> None:
        """Let session plans be drawn from what the server believes now."""
        ids = [pop.id for pop in self.pops]
        own = np.array([ids.index(pop) for pop in self.server.world.pops])
        self.sessions.expect(own, *(table[self.networks.place] for table in self.server.expectations()))

    @staticmethod
    def _without(catalog: Catalog, missing: tuple[str, ...]) -> Catalog:
        """Return the catalog without some POPs."""
        pops = tuple(pop for pop in catalog.pops if pop.id not in missing)
        kept = {pop.id for pop in pops}
        services = tuple(
            replace(
                service,
                pools=tuple((name, tuple(p for p in own if p in kept)) for name, own in service.pools),
            )
            for service in catalog.services
        )
        return replace(catalog, pops=pops, services=services)
