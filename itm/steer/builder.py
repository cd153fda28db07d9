"""The builder process: deltas in, maps out, and nothing that answers a query.

One loop: count the deltas that came, and when it is time or something changed, build and publish.
Everything it must not forget is on disk before it is relied upon (checkpoint, memory, map); after a crash
it goes on from there. Runs at the lowest CPU priority: answers always come first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from collectors import localbus
from collectors.bus import Receiver
from collectors.clienteletable import FILE as CLIENTELE
from collectors.clienteletable import ClienteleFile
from collectors.localbus import LocalReceiver
from itm.catalog.load import load_bundle
from itm.config import Config
from itm.errors import CatalogError, OwnStepFailed, SnapshotError, UnsafePlan
from itm.priority import yield_to_all
from itm.routemap import current, snapshot
from itm.routemap.routemap import RouteMap
from itm.steer import inputs as inputs_file
from itm.steer import memoryfiles
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild
from itm.steer.census import CensusFile
from itm.steer.compare import Reading
from itm.steer.cycle import Knowledge, build_all
from itm.steer.demand import Demand, clients_of
from itm.steer.drift import DriftWatch
from itm.steer.explore import ExplorationFiles
from itm.steer.givens import Givens
from itm.steer.inputs import Inputs
from itm.steer.learner import Learner
from itm.steer.memory import Memory
from itm.steer.modelwatch import ModelWatch
from itm.steer.own.watch import OwnWatch, raise_if_failed
from itm.steer.plan import Limits, Plan
from itm.steer.planning import whole_plan
from itm.steer.pricing import Believed
from itm.steer.publish import publish, routemap_of, says_the_same
from itm.steer.querylog import FOLDER as QUERIES
from itm.steer.querylog import QueryLog, faded
from itm.steer.resolvers import Resolvers
from itm.steer.roomwatch import RoomWatch
from itm.steer.stats import Stats
from itm.steer.world import World
from itm.stopping import stop_requested
from itm.store.catalogs import CatalogVersion
from itm.store.plans import AskedPlan

log = logging.getLogger(__name__)

TURN_SECONDS = 0.25
"""How often the bus, the catalog and the pin are looked at."""


class Builder:
    """Holds what is alive between two builds; `step` is one turn of the loop."""

    def __init__(
        self, config: Config, givens: Givens, bus: Receiver, clock: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._givens = givens
        self._clock = clock
        self._maps = config.state_dir / "maps"
        self._memory_path = config.state_dir / "memory"
        self._drift = DriftWatch(config.state_dir / "baselines")
        self._learner = Learner(config, bus, clock)
        self._clientele = ClienteleFile(config.state_dir / CLIENTELE)
        self._queries = QueryLog(config.state_dir / QUERIES, clock)
        self._model = ModelWatch(config.state_dir, clock)
        self._census = CensusFile(config.state_dir)
        self._exploration = ExplorationFiles(config.state_dir)
        self._rooms = RoomWatch(config, clock)
        self._world: World | None = None
        self._last: tuple[ClassBuild, ...] = ()
        self._memories: tuple[Memory, ...] = ()
        self._newest: RouteMap | None = None
        self._own = OwnWatch(config.builder)
        self._own_spent: dict[str, float] = {}
        self._builds = 0
        self._next_build = 0.0

    def step(self) -> None:
        """Read what came in, and build when it is time or when a person changed something."""
        self._refresh_places()
        pending = self._givens.pending_catalog()
        if pending is not None:
            self._settle(pending)
        if self._world is None:
            self._adopt_live_catalog()
        if self._world is None:
            return
        self._learner.read()
        asked = self._givens.waiting_plan()
        if asked is not None:
            self._answer(asked, self._world)
        wait = 0.0 if self._rooms.is_pressing else self._next_build - self._clock()
        if not 0 < wait <= self._config.builder.interval_seconds:  # more: the clock was set back
            self._build_automatically(self._world)

    @property
    def is_serving(self) -> bool:
        """Whether a map is answered from."""
        return current.served_version(self._maps) is not None

    def close(self) -> None:
        """Make what was learned durable."""
        self._learner.checkpoint()

    def _refresh_places(self) -> None:
        if self._givens.places_changed():
            log.info("places.changed", extra={"digest": self._givens.places.digest})
            if self._world is not None:
                self._take(self._givens.world(self._world.catalog, self._world.catalog_version))

    def _adopt_live_catalog(self) -> None:
        live = self._givens.live_catalog()
        if live is not None:
            self._take(self._givens.world(*live))

    def _take(self, world: World) -> None:
        """Make a world the current one: its first build is a full one, and due."""
        self._world = world
        self._last = ()
        self._memories = memoryfiles.load(self._memory_path, world.class_index)
        self._next_build = 0.0

    def _settle(self, pending: CatalogVersion) -> None:
        """Judge a person's change by its Plan: live, or refused with the numbers."""
        started = self._clock()
        try:
            world = self._givens.world(load_bundle(pending.files), pending.version)
        except CatalogError as error:  # it was sound for the release that took it
            self._refuse(pending, error, [])
            return
        memories = memoryfiles.load(self._memory_path, world.class_index)
        knowledge = self._knowledge(world)
        builds = self._decided(world, knowledge, memories, max_moved_share=1.0)
        plans = [build.plan for build in builds]
        try:
            raise_if_failed(builds)
            for one in plans:
                one.raise_if_unsafe(self._config.builder.unsafe_moved_share, pending.forced)
        except (OwnStepFailed, UnsafePlan) as error:
            self._refuse(pending, error, plans)
            return
        self._take(world)
        self._publish(world, knowledge, builds, started)
        self._givens.make_live(pending.version, _as_dict(plans))
        log.info("catalog.live", extra={"version": pending.version})

    def _refuse(self, pending: CatalogVersion, reason: Exception, plans: list[Plan]) -> None:
        log.warning("catalog.refused", extra={"version": pending.version, "reason": str(reason)})
        self._givens.refuse(pending.version, str(reason), _as_dict(plans))

    def _answer(self, asked: AskedPlan, live: World) -> None:
        """Say what a catalog would do if it were applied now."""
        before = self._map_before()
        try:
            world = self._givens.world(load_bundle(asked.files), 0)
            if before is None:
                raise SnapshotError("no map is served to compare with")
        except (CatalogError, SnapshotError) as error:
            self._givens.answer_plan(asked.id, None, str(error))
            return
        then, now = self._knowledge(live), self._knowledge(world)
        memories = memoryfiles.load(self._memory_path, world.class_index)
        builds = self._decided(world, now, memories, max_moved_share=1.0)
        try:
            raise_if_failed(builds)
        except OwnStepFailed as error:
            self._givens.answer_plan(asked.id, None, str(error))
            return
        found = whole_plan(
            Reading(before, Believed(live, then.evidence, then.demand)),
            Reading(routemap_of(world, builds, 0, self._clock()), Believed(world, now.evidence, now.demand)),
            builds,
            self._config.builder.unsafe_moved_share,
        )
        self._givens.answer_plan(asked.id, found)
        log.info("plan.answered", extra={"plan": asked.id})

    def _build_automatically(self, world: World) -> None:
        if self._givens.pinned_map() is not None:
            self._learner.checkpoint(at_once=False)
            self._next_build = self._clock() + self._config.builder.interval_seconds
            return
        started = self._clock()
        knowledge = self._knowledge(world)
        share = self._config.builder.max_moved_share
        builds = self._decided(world, knowledge, self._memories, share)
        for build in builds:
            if build.plan.held_share > 0:
                log.warning("plan.limited", extra={"held_share": round(build.plan.held_share, 4)})
        self._publish(world, knowledge, builds, started)

    def _knowledge(self, world: World) -> Knowledge:
        """Return what is known now, laid out for the POPs of `world`."""
        evidence = self._learner.evidence(world)
        behind = self._behind()
        hours = self._queries.look()
        demand = Demand.of(clients_of(self._learner.aggregates), *faded(hours, self._clock()), behind)
        self._census.write(world, demand, hours)
        return Knowledge(
            evidence,
            Resolvers.of(world, evidence, behind),
            demand,
            loads=self._rooms.loads(),
            states=self._rooms.states(),
            planned_sessions=self._config.builder.planned_sessions,
        )

    def _behind(self) -> Behind:
        """Return the resolvers that are known well enough; a damaged file is told, the one before stays."""
        told = self._clientele.error
        table = self._clientele.look()
        if self._clientele.error and self._clientele.error != told:
            log.warning("clientele.unusable", extra={"reason": self._clientele.error})
        return Behind.of(table, self._clock(), self._config.collect.pairing_half_life_days)

    def _decided(
        self, world: World, knowledge: Knowledge, memories: tuple[Memory, ...], max_moved_share: float
    ) -> tuple[ClassBuild, ...]:
        """Return the builds of all classes; incremental in the world of the last ones."""
        limits = Limits(self._config.builder.candidates, max_moved_share)
        last = self._last if world is self._world else ()
        with self._own.runner() as own:
            builds = build_all(world, replace(knowledge, own_steps=own), memories, limits, last)
        self._own_spent = own.spent
        return builds

    def _publish(
        self, world: World, knowledge: Knowledge, builds: tuple[ClassBuild, ...], started: float
    ) -> None:
        """Publish what differs from the map before, then make durable what the next build begins from."""
        version = max([*current.versions(self._maps), current.live_version(self._maps) or 0]) + 1
        routemap = routemap_of(world, builds, version, self._clock())
        before, pinned = self._map_before(), self._givens.pinned_map() is not None
        if before is None or not (says_the_same(before, routemap) and self._is_explained(world)):
            inputs = self._inputs(world, knowledge, builds, version)
            publish(self._maps, routemap, inputs, keep=self._config.builder.keep_maps, pinned=pinned)
            self._newest = routemap
            log.info("map.published", extra={"version": version, "moved": round(_moved(builds), 4)})
        elif current.live_version(self._maps) is None and not pinned:
            current.publish(self._maps, before.version)
            log.warning("map.pointer_restored", extra={"version": before.version})
        self._memories = tuple(build.after for build in builds)
        memoryfiles.save(self._memory_path, self._memories, world.class_index)
        self._exploration.write(world, self._learner.aggregates, knowledge.evidence)
        self._model.look(world, knowledge.evidence)
        self._last = builds
        self._own.note(builds, self._own_spent)
        self._builds += 1
        self._rooms.note(builds[0].outlook if builds else None, dict(knowledge.states))
        self._report(builds, started)
        self._learner.checkpoint(at_once=False)
        self._next_build = self._clock() + self._config.builder.interval_seconds

    def _inputs(
        self, world: World, knowledge: Knowledge, builds: tuple[ClassBuild, ...], version: int
    ) -> Inputs:
        return Inputs(
            version=version,
            catalog_version=world.catalog_version,
            places_digest=world.places.digest,
            predictions_digest=world.digest,
            candidates=self._config.builder.candidates,
            evidence=knowledge.evidence,
            memories=tuple(build.before for build in builds),
            held=tuple(build.held for build in builds),
            behind=knowledge.resolvers.behind,
            demand=knowledge.demand,
            granted=tuple(build.granted for build in builds),
            outlook=_outlook(builds),
            legs=tuple(build.terms.pops.leg_ms for build in builds),
            own=tuple(build.terms.own for build in builds),
        )

    def _report(self, builds: tuple[ClassBuild, ...], started: float) -> None:
        Stats(
            builds=self._builds,
            map_version=self._newest.version if self._newest else 0,
            build_seconds=round(self._clock() - started, 3),
            built_at=self._clock(),
            rows=sum(len(build.rows) for build in builds),
            resolvers=max((len(build.resolvers.resolver) for build in builds), default=0),
            counted=self._learner.counted,
            own_only=self._learner.own_only,
            refused=dict(self._learner.refused),
            deltas=dict(self._learner.deltas),
            cells=self._learner.cells,
            plan=_as_dict([build.plan for build in builds]),
            own_steps=self._own.as_dicts(),
            drifts=[one.as_dict() for one in self._drift.look(self._learner.aggregates)],
            capacity=_outlook(builds),
        ).write(self._config.state_dir / "builder.json")

    def _map_before(self) -> RouteMap | None:
        """Return the map that is served, read anew where the pointer was moved by somebody else."""
        version = current.served_version(self._maps)
        if self._newest is None or self._newest.version != version:
            self._newest = None if version is None else self._read(version)
        return self._newest

    def _is_explained(self, world: World) -> bool:
        """Say whether `why` can tell the live map from this world; not after its places were replaced."""
        if self._last or self._newest is None:
            return True
        try:
            return inputs_file.load(self._maps, self._newest.version).predictions_digest == world.digest
        except SnapshotError:
            return False

    def _read(self, version: int) -> RouteMap | None:
        try:
            return snapshot.read(current.path_of(self._maps, version))
        except (SnapshotError, OSError) as error:
            log.warning("map.unreadable", extra={"version": version, "reason": str(error)})
            return None


def run(config: Config) -> None:
    """Build until asked to stop. Raises `ItmError` or `CollectorsError` at start, naming what is wrong."""
    bus = LocalReceiver(config.state_dir / localbus.FILE)
    asyncio.run(_turn(Builder(config, Givens.open(config), bus)))


def _step(builder: Builder) -> None:
    if builder.is_serving:  # before the first map there is nothing to give way to, and everybody waits for it
        yield_to_all()
    builder.step()


async def _turn(builder: Builder) -> None:
    stopping = asyncio.ensure_future(stop_requested(supervised=True))
    while not stopping.done():
        await asyncio.to_thread(_step, builder)
        await asyncio.wait([stopping], timeout=TURN_SECONDS)
    await asyncio.to_thread(builder.close)


def _moved(builds: tuple[ClassBuild, ...]) -> float:
    return max((build.plan.moved_share for build in builds), default=0.0)


def _outlook(builds: tuple[ClassBuild, ...]) -> dict[str, Any] | None:
    outlook = builds[0].outlook if builds else None
    return None if outlook is None else outlook.as_dict()


def _as_dict(plans: list[Plan]) -> dict[str, Any]:
    return {f"class {index}": one.as_dict() for index, one in enumerate(plans)}
