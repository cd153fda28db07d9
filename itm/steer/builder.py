"""The builder process: deltas in, maps out, and nothing that answers a query.

One loop: count the deltas that came, and when it is time or something changed, build and publish.
Everything it must not forget is on disk before it is relied upon (checkpoint, memory, map); after a crash
it goes on from there. Runs at the lowest CPU priority: answers always come first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from collectors.bus import Receiver
from itm.catalog.load import load_bundle
from itm.catalog.types import Catalog
from itm.config import Config
from itm.errors import CatalogError, OwnStepFailed, Refused, SnapshotError, UnsafePlan
from itm.routemap import current
from itm.steer import memoryfiles
from itm.steer.build import ClassBuild
from itm.steer.canary import Canary
from itm.steer.compare import Reading, differences
from itm.steer.cycle import Knowledge, build_all
from itm.steer.drift import DriftWatch
from itm.steer.explore import ExplorationFiles
from itm.steer.givens import Givens
from itm.steer.knowing import Knowing
from itm.steer.learner import Learner
from itm.steer.memory import Memory
from itm.steer.modelwatch import ModelWatch
from itm.steer.own.watch import OwnWatch, raise_if_failed
from itm.steer.plan import Limits, Plan, by_class
from itm.steer.planning import Prospect, prospect, whole_plan
from itm.steer.pricing import Believed
from itm.steer.publish import inputs_of, outlook_of, publish, routemap_of, says_the_same
from itm.steer.retraining import Retraining, Running, start_trainer
from itm.steer.roomwatch import RoomWatch
from itm.steer.shelf import Shelf
from itm.steer.silence import SilenceWatch
from itm.steer.stats import Stats
from itm.steer.trials import Trials
from itm.steer.verdict import Fate
from itm.steer.world import World
from itm.store.catalogs import CatalogVersion
from itm.store.engine import StoreError
from itm.store.plans import AskedPlan

log = logging.getLogger(__name__)


class Builder:
    """Holds what is alive between two builds; `step` is one turn of the loop."""

    def __init__(
        self,
        config: Config,
        givens: Givens,
        bus: Receiver,
        clock: Callable[[], float] = time.time,
        start: Callable[[Config], Running] = start_trainer,
    ) -> None:
        self._config = config
        self._givens = givens
        self._clock = clock
        self._maps = config.state_dir / "maps"
        self._memory_path = config.state_dir / "memory"
        self._drift = DriftWatch(config.state_dir / "baselines")
        self._silence = SilenceWatch(config.collect.half_life_hours * 3600)
        self._learner = Learner(config, bus, clock)
        self._retraining = Retraining(config, givens, clock, start)
        self._model = ModelWatch(config.state_dir, clock)
        self._exploration = ExplorationFiles(config.state_dir)
        self._rooms = RoomWatch(config, clock)
        self._knowing = Knowing(config, self._learner, self._rooms, clock)
        self._world: World | None = None
        self._last: tuple[ClassBuild, ...] = ()
        self._memories: tuple[Memory, ...] = ()
        self._trials = Trials(config, givens, self._learner)
        self._canary: Canary | None = None
        self._shelf = Shelf(self._maps)
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
        if self._canary is not None:
            if self._heeded(self._canary):
                return
        elif self._last and self._retraining.step(self._world, self._learner.aggregates):
            self._take(self._givens.world(self._world.catalog, self._world.catalog_version))
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
            if self._canary is not None:
                own = self._canary.world
                self._canary.take(self._givens.world(own.catalog, own.catalog_version))

    def _adopt_live_catalog(self) -> None:
        live, row = self._givens.live_catalog(), self._givens.running_canary()
        if live is None:
            return
        if row is not None:
            try:
                world, self._canary = self._trials.restored(row, *live)
            except CatalogError as error:  # it was sound for the release that began it
                self._trials.end(row, "rolled back", str(error), None)
            else:
                self._take(world)
                return
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
        row = self._givens.running_canary()
        try:
            if row is not None:
                raise Refused(409, f"version {row.version} is a canary: promote or abort it first")
            if pending.canary_share is not None and self._begin(pending):
                return
            world = self._givens.world(load_bundle(pending.files), pending.version)
        except (CatalogError, Refused) as error:  # it was sound for the release that took it
            self._refuse(pending, error, [])
            return
        knowledge = self._knowing.now(world)
        ahead = self._prospect(world, knowledge)
        try:
            ahead.raise_if_refused(self._config.builder.unsafe_moved_share, pending.forced)
        except (OwnStepFailed, UnsafePlan) as error:
            self._refuse(pending, error, ahead.plans)
            return
        self._take(world)
        self._publish(world, knowledge, ahead.first, started)
        removed = f"removed: {', '.join(ahead.removed)}" if ahead.removed else ""
        self._givens.make_live(pending.version, by_class(ahead.plans), removed)
        log.info("catalog.live", extra={"version": pending.version})

    def _begin(self, pending: CatalogVersion) -> bool:
        """Let a slice of the networks live with a person's change, if what it does to them is safe.

        Returns False where no service is live that the others could stay with.
        """
        if self._world is None:
            self._adopt_live_catalog()
        live, before = self._world, self._shelf.served()
        if live is None or before is None or not live.catalog.services:
            return False
        changed = load_bundle(pending.files)
        own, theirs = self._trials.worlds(live.catalog, live.catalog_version, changed, pending.version)
        knowledge = self._knowing.now(own)
        canary = self._trials.candidate(
            pending, theirs, memoryfiles.load(self._memory_path, theirs.class_index)
        )
        ahead = self._prospect(theirs, self._knowing.elsewhere(theirs, knowledge))
        try:
            raise_if_failed(ahead.first)
        except OwnStepFailed as error:
            self._trials.forget()
            self._refuse(pending, error, ahead.plans)
            return True
        canary.keep(ahead.settled)
        stays = self._prospect(own, knowledge).first
        now = Believed.then(own, knowledge)
        after = Reading(canary.grafted(routemap_of(own, stays, 0, self._clock())), now)
        moved = max(one.moved_share for one in differences(Reading(before, now), after))
        limit = self._config.builder.unsafe_moved_share
        if moved > limit and not pending.forced:
            self._trials.forget()
            text = f"{moved:.1%} of demand would change its POP within the slice (limit {limit:.0%})"
            self._refuse(pending, UnsafePlan(f"{text}; --force does it"), ahead.plans)
            return True
        self._trials.begin(canary, by_class(ahead.plans))
        self._take(own)
        self._canary = canary
        return True

    def _heeded(self, canary: Canary) -> bool:
        """End a canary as a person wishes; returns whether it is over."""
        try:
            row = self._givens.running_canary()
        except StoreError:  # told by those who ask every turn
            return False
        if row is not None and row.wish:
            fate = "promoted" if row.wish == "promote" else "aborted"
            self._end(canary, fate, f"by {row.wished_by}")
        return row is not None and bool(row.wish)

    def _end(self, canary: Canary, fate: str, reason: str) -> None:
        """End a canary: all networks get the live catalog, which it now may be."""
        self._trials.end(canary.row, fate, reason, canary)
        self._canary, self._world = None, None

    def _refuse(self, pending: CatalogVersion, reason: Exception, plans: Sequence[Plan]) -> None:
        log.warning("catalog.refused", extra={"version": pending.version, "reason": str(reason)})
        self._givens.refuse(pending.version, str(reason), by_class(plans))

    def _answer(self, asked: AskedPlan, live: World) -> None:
        """Say what a catalog would do if it were applied now."""
        try:
            found = self._whole_plan(load_bundle(asked.files), live)
        except (CatalogError, OwnStepFailed, SnapshotError) as error:
            self._givens.answer_plan(asked.id, None, str(error))
            return
        self._givens.answer_plan(asked.id, found)
        log.info("plan.answered", extra={"plan": asked.id})

    def _whole_plan(self, catalog: Catalog, live: World) -> dict[str, Any]:
        before = self._shelf.served()
        if before is None:
            raise SnapshotError("no map is served to compare with")
        world = self._givens.world(catalog, 0)
        now = self._knowing.now(world)
        then, ahead = self._knowing.elsewhere(live, now), self._prospect(world, now)
        raise_if_failed(ahead.first)
        return whole_plan(
            Reading(before, Believed.then(live, then)),
            Reading(routemap_of(world, ahead.settled, 0, self._clock()), Believed.then(world, now)),
            ahead,
            self._config.builder.unsafe_moved_share,
        )

    def _build_automatically(self, world: World) -> None:
        if self._givens.pinned_map() is not None:
            self._learner.checkpoint(at_once=False)
            self._next_build = self._clock() + self._config.builder.interval_seconds
            return
        started = self._clock()
        knowledge = self._knowing.now(world)
        share = self._config.builder.max_moved_share
        builds = self._decided(world, knowledge, self._memories, share)
        for build in builds:
            if build.plan.held_share > 0:
                log.warning("plan.limited", extra={"held_share": round(build.plan.held_share, 4)})
        canary = self._canary
        if canary is not None:
            with self._own.runner() as own:
                known = replace(self._knowing.elsewhere(canary.world, knowledge), own_steps=own)
                canary.build(known, self._limits(share))
            canary.judge(world, builds, knowledge.demand, self._config.canary, self._clock)
        self._publish(world, knowledge, builds, started)
        if canary is not None and canary.verdict and canary.verdict.fate is not Fate.WATCHING:
            self._end(canary, canary.verdict.fate.value, canary.verdict.reason)

    def _prospect(self, world: World, knowledge: Knowledge) -> Prospect:
        """Return what a world comes to, from what is served now."""
        memories = memoryfiles.load(self._memory_path, world.class_index)
        with self._own.runner() as own:
            known = replace(knowledge, own_steps=own)
            found = prospect(world, known, memories, self._limits(1.0), self._shelf.served())
        self._own_spent = own.spent
        return found

    def _decided(
        self, world: World, knowledge: Knowledge, memories: tuple[Memory, ...], max_moved_share: float
    ) -> tuple[ClassBuild, ...]:
        """Return the builds of all classes; incremental in the world of the last ones."""
        limits = self._limits(max_moved_share)
        last = self._last if world is self._world else ()
        with self._own.runner() as own:
            builds = build_all(world, replace(knowledge, own_steps=own), memories, limits, last)
        self._own_spent = own.spent
        return builds

    def _limits(self, max_moved_share: float) -> Limits:
        own = self._config.builder
        return Limits(own.candidates, max_moved_share, loss_ms=own.scope_loss_ms)

    def _publish(
        self, world: World, knowledge: Knowledge, builds: tuple[ClassBuild, ...], started: float
    ) -> None:
        """Publish what differs from the map before, then make durable what the next build begins from."""
        version = self._shelf.next_version
        routemap = routemap_of(world, builds, version, self._clock())
        canary = self._canary
        if canary is not None:
            routemap = canary.grafted(routemap)
        before, pinned = self._shelf.served(), self._givens.pinned_map() is not None
        if before is None or not (
            says_the_same(before, routemap) and (self._last or self._shelf.is_explained(world))
        ):
            limits, trial = self._limits(1.0), canary.trial(world) if canary else None
            inputs = inputs_of(world, knowledge, builds, version, limits, trial)
            apart = None
            if canary is not None and canary.knowledge is not None:
                apart = inputs_of(canary.world, canary.knowledge, canary.builds, version, limits, trial)
            publish(self._maps, routemap, inputs, apart, keep=self._config.builder.keep_maps, pinned=pinned)
            self._shelf.newest = routemap
            log.info("map.published", extra={"version": version, "moved": round(_moved(builds), 4)})
        elif not self._shelf.is_pointed_at and not pinned:
            current.publish(self._maps, before.version)
            log.warning("map.pointer_restored", extra={"version": before.version})
        self._memories = tuple(build.after for build in builds)
        memoryfiles.save(self._memory_path, self._memories, world.class_index)
        if canary is not None:
            canary.keep(canary.builds)
        self._exploration.write(world, self._learner.aggregates, knowledge.evidence)
        self._model.look(world, knowledge.evidence)
        self._last = builds
        self._own.note(builds, self._own_spent)
        self._builds += 1
        self._rooms.note(builds[0].outlook if builds else None, dict(knowledge.states))
        self._report(builds, started)
        self._learner.checkpoint(at_once=False)
        self._next_build = self._clock() + self._config.builder.interval_seconds

    def _report(self, builds: tuple[ClassBuild, ...], started: float) -> None:
        Stats(
            builds=self._builds,
            map_version=self._shelf.newest.version if self._shelf.newest else 0,
            build_seconds=round(self._clock() - started, 3),
            built_at=self._clock(),
            rows=sum(len(build.rows) for build in builds),
            resolvers=max((len(build.resolvers.resolver) for build in builds), default=0),
            counted=self._learner.counted,
            own_only=self._learner.own_only,
            refused=dict(self._learner.refused),
            deltas=dict(self._learner.deltas),
            cells=self._learner.cells,
            plan=by_class([build.plan for build in builds]),
            own_steps=self._own.as_dicts(),
            canary=self._canary.as_dict() if self._canary else None,
            canaries_ended=dict(self._trials.ended),
            drifts=[one.as_dict() for one in self._drift.look(self._learner.aggregates)],
            capacity=outlook_of(builds),
            silence=self._silence.told(self._learner.aggregates),
        ).write(self._config.state_dir / "builder.json")


def _moved(builds: tuple[ClassBuild, ...]) -> float:
    return max((build.plan.moved_share for build in builds), default=0.0)
