"""The builder process: journal in, maps out, and nothing that answers a query.

One loop: read the journal, and when it is time or something changed, build and publish. Everything it
must not forget is on disk before it is relied upon (checkpoint, memory, map); after a crash it goes on
from there. Runs at the lowest CPU priority: answers always come first.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itm.catalog.load import load_bundle
from itm.config import Config
from itm.errors import SnapshotError, UnsafePlan
from itm.ops.stopping import stop_requested
from itm.routemap import current, snapshot
from itm.routemap.routemap import RouteMap
from itm.steer.build import ClassBuild, Limits, build_class
from itm.steer.evidence import Evidence
from itm.steer.inputs import Inputs
from itm.steer.learner import Learner
from itm.steer.memory import Memory
from itm.steer.plan import Plan
from itm.steer.publish import publish, routemap_of, says_the_same
from itm.steer.sources import Sources
from itm.steer.world import World
from itm.store.catalogs import CatalogVersion

log = logging.getLogger(__name__)

NICENESS = 19

TURN_SECONDS = 0.25
"""How often the journal, the catalog and the pin are looked at."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What the builder says about itself, for `/metrics` and `itm map show`."""

    builds: int
    map_version: int
    build_seconds: float
    built_at: float
    rows: int
    counted: int
    own_only: int
    refused: dict[str, int]
    cells: int
    plan: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write it atomically as JSON."""
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps({f: getattr(self, f) for f in self.__slots__}))
        partial.replace(path)


class Builder:
    """Holds what is alive between two builds; `step` is one turn of the loop."""

    def __init__(self, config: Config, sources: Sources, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._sources = sources
        self._clock = clock
        self._maps = config.state_dir / "maps"
        self._memory_path = config.state_dir / "memory"
        self._world: World | None = None
        self._learner: Learner | None = None
        self._last: tuple[ClassBuild, ...] = ()
        self._memories: tuple[Memory, ...] = ()
        self._live: RouteMap | None = self._read_live()
        self._builds = 0
        self._next_build = 0.0

    def step(self) -> None:
        """Read what came in, and build when it is time or when a person changed something."""
        self._refresh_places()
        pending = self._sources.pending_catalog()
        if pending is not None:
            self._settle(pending)
        if self._world is None:
            self._adopt_live_catalog()
        if self._world is None or self._learner is None:
            return
        self._learner.read()
        if self._clock() >= self._next_build:
            self._build_automatically()

    def close(self) -> None:
        """Make what was learned durable."""
        if self._learner is not None:
            self._learner.checkpoint()

    def _refresh_places(self) -> None:
        if self._sources.places_changed():
            log.info("places.changed", extra={"digest": self._sources.places.digest})
            if self._world is not None:
                self._take(self._sources.world(self._world.catalog, self._world.catalog_version))

    def _adopt_live_catalog(self) -> None:
        live = self._sources.live_catalog()
        if live is not None:
            self._take(self._sources.world(*live))

    def _take(self, world: World) -> None:
        """Make a world the current one: its first build is a full one."""
        self._world = world
        self._last = ()
        self._memories = tuple(
            Memory.load(self._memory_path / f"class{i}.npz") for i in range(len(world.classes))
        )
        if self._learner is None:
            self._learner = Learner(self._config, world, self._clock)
        else:
            self._learner.adopt(world)
        self._next_build = 0.0

    def _settle(self, pending: CatalogVersion) -> None:
        """Judge a person's change by its Plan: live, or refused with the numbers."""
        world = self._sources.world(load_bundle(pending.files), pending.version)
        memories = tuple(Memory.load(self._memory_path / f"class{i}.npz") for i in range(len(world.classes)))
        evidence = self._learner.evidence(world.pops) if self._learner else Evidence.nothing(len(world.pops))
        limits = Limits(self._config.builder.candidates, 1.0)
        builds = tuple(
            build_class(world, evidence, steering, memory, limits)
            for steering, memory in zip(world.classes, memories, strict=True)
        )
        plans = [build.plan for build in builds]
        try:
            for one in plans:
                one.raise_if_unsafe(self._config.builder.unsafe_moved_share, pending.forced)
        except UnsafePlan as error:
            log.warning("catalog.refused", extra={"version": pending.version, "reason": str(error)})
            self._sources.refuse(pending.version, str(error), _as_dict(plans))
            return
        started = self._clock()
        self._take(world)
        self._memories = memories
        self._publish(world, evidence, builds, started)
        self._sources.make_live(pending.version, _as_dict(plans))
        log.info("catalog.live", extra={"version": pending.version})

    def _build_automatically(self) -> None:
        world, learner = self._world, self._learner
        if world is None or learner is None or self._sources.pinned_map() is not None:
            self._next_build = self._clock() + self._config.builder.interval_seconds
            return
        started = self._clock()
        evidence = learner.evidence(world.pops)
        limits = Limits(self._config.builder.candidates, self._config.builder.max_moved_share)
        last = self._last or (None,) * len(world.classes)
        builds = tuple(
            build_class(world, evidence, steering, memory, limits, before)
            for steering, memory, before in zip(world.classes, self._memories, last, strict=True)
        )
        for build in builds:
            if build.plan.held_share > 0:
                log.warning("plan.limited", extra={"held_share": round(build.plan.held_share, 4)})
        self._publish(world, evidence, builds, started)

    def _publish(
        self, world: World, evidence: Evidence, builds: tuple[ClassBuild, ...], started: float
    ) -> None:
        version = max(current.versions(self._maps), default=0) + 1 if self._maps.is_dir() else 1
        routemap = routemap_of(world, builds, version, self._clock())
        if not says_the_same(self._live, routemap):
            publish(
                self._maps,
                routemap,
                self._inputs(world, evidence, builds, version),
                self._config.builder.keep_maps,
            )
            self._live = routemap
            log.info("map.published", extra={"version": version, "moved": round(_moved(builds), 4)})
        self._memory_path.mkdir(parents=True, exist_ok=True)
        for index, build in enumerate(builds):
            build.after.save(self._memory_path / f"class{index}.npz")
        self._memories = tuple(build.after for build in builds)
        self._last = builds
        self._builds += 1
        self._report(builds, started)
        if self._learner is not None:
            self._learner.checkpoint()
        self._next_build = self._clock() + self._config.builder.interval_seconds

    def _inputs(
        self, world: World, evidence: Evidence, builds: tuple[ClassBuild, ...], version: int
    ) -> Inputs:
        return Inputs(
            version=version,
            catalog_version=world.catalog_version,
            places_digest=world.places.digest,
            predictions_digest=world.digest,
            candidates=self._config.builder.candidates,
            evidence=evidence,
            memories=tuple(build.before for build in builds),
            held=tuple(build.held for build in builds),
        )

    def _report(self, builds: tuple[ClassBuild, ...], started: float) -> None:
        learner = self._learner
        Stats(
            builds=self._builds,
            map_version=self._live.version if self._live else 0,
            build_seconds=round(self._clock() - started, 3),
            built_at=self._clock(),
            rows=sum(len(build.rows) for build in builds),
            counted=learner.counted if learner else 0,
            own_only=learner.own_only if learner else 0,
            refused=dict(learner.refused) if learner else {},
            cells=learner.cells if learner else 0,
            plan=_as_dict([build.plan for build in builds]),
        ).write(self._config.state_dir / "builder.json")

    def _read_live(self) -> RouteMap | None:
        version = current.live_version(self._maps)
        if version is None:
            return None
        try:
            return snapshot.read(current.path_of(self._maps, version))
        except (SnapshotError, OSError) as error:
            log.warning("map.unreadable", extra={"version": version, "reason": str(error)})
            return None


def run(config: Config) -> None:
    """Build until asked to stop. Raises `ItmError` or `CollectorsError` at start, naming what is wrong."""
    yield_to_all()
    asyncio.run(_turn(Builder(config, Sources.open(config))))


def yield_to_all() -> None:
    """Give way to everything that answers or listens: a waking thread preempts SCHED_IDLE at once."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError:
        os.nice(NICENESS)


async def _turn(builder: Builder) -> None:
    stopping = asyncio.ensure_future(stop_requested(supervised=True))
    while not stopping.done():
        await asyncio.to_thread(builder.step)
        await asyncio.wait([stopping], timeout=TURN_SECONDS)
    await asyncio.to_thread(builder.close)


def _moved(builds: tuple[ClassBuild, ...]) -> float:
    return max((build.plan.moved_share for build in builds), default=0.0)


def _as_dict(plans: list[Plan]) -> dict[str, Any]:
    return {f"class {index}": one.as_dict() for index, one in enumerate(plans)}
