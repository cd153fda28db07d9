"""A change that a slice of the networks lives with: a world beside the live one, built in step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from itm.config import Canary as Settings
from itm.routemap.routemap import RouteMap
from itm.steer import memoryfiles
from itm.steer.build import ClassBuild
from itm.steer.cycle import Knowledge, build_all
from itm.steer.demand import Demand
from itm.steer.fared import differing, measured, pairs_of
from itm.steer.graft import Inside, graft
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of
from itm.steer.slice import Slice, Trial
from itm.steer.verdict import Tolerance, Verdict, judge
from itm.steer.watch import Watch
from itm.steer.world import World
from itm.store.canaries import Canary as Row


class Canary:
    """`row` is the store's word on it, `world` the changed one, over the same POPs as the live one.

    The live world has a service at least, and the changed one has all of its services.
    `folder` has its memory: what its networks are served, and what the others would be.
    """

    def __init__(self, row: Row, world: World, watch: Watch, folder: Path) -> None:
        self.row = row
        self.watch = watch
        self._folder = folder
        self._inside: Inside = np.zeros(0, dtype=bool)
        self.builds: tuple[ClassBuild, ...] = ()
        self.knowledge: Knowledge | None = None
        self.verdict: Verdict | None = None
        self.take(world)

    def take(self, world: World) -> None:
        """Go on in a world of other places."""
        self.world = world
        self.builds = ()
        self.memories = memoryfiles.load(self._folder, world.class_index)
        self._inside = Slice(self.row.share, self.row.seed).has(world.places.key)

    def trial(self, live: World) -> Trial:
        """Return what maps are told by while it runs."""
        return Trial(live.catalog_version, self.row.version, Slice(self.row.share, self.row.seed))

    def build(self, knowledge: Knowledge, limits: Limits) -> None:
        """Decide its world anew."""
        self.knowledge = knowledge
        self.builds = build_all(self.world, knowledge, self.memories, limits, self.builds)

    def grafted(self, live: RouteMap) -> RouteMap:
        """Return the live map with what was built for the slice."""
        changed = routemap_of(self.world, self.builds, live.version, live.built_at)
        return graft(live, changed, self._inside, self.world.places)

    def keep(self, builds: tuple[ClassBuild, ...]) -> None:
        """Make these the last builds, and what the next begins from durable. Raises `OSError`."""
        self.builds = builds
        self.memories = tuple(build.after for build in builds)
        memoryfiles.save(self._folder, self.memories, self.world.class_index)

    def judge(
        self,
        live: World,
        builds: Sequence[ClassBuild],
        demand: Demand,
        settings: Settings,
        clock: Callable[[], float],
    ) -> Verdict:
        """Return what becomes of it, by what was measured of the live world's `builds` and its own."""
        key = self.world.places.key
        rows = builds[0].rows
        weight = np.bincount(rows.place, demand.weights(rows), len(key)).astype(np.float64)
        pairs = pairs_of(live.class_index, self.world.class_index)
        places = differing(builds, self.builds, pairs, key, self._inside, weight)
        found = measured(places, live.pops, self.watch.before, self.watch.now(clock), settings.confidence)
        tolerance = Tolerance(
            settings.watch_seconds, settings.least_places, settings.harm_ms, settings.harm_availability
        )
        self.verdict = judge(found, clock() - self.row.started_at, tolerance, _overload(builds, self.builds))
        return self.verdict

    def as_dict(self) -> dict[str, Any]:
        """Return how it stands, as JSON-ready data."""
        facts = {name: getattr(self.row, name) for name in ("version", "share", "seed", "started_at")}
        return {**facts, "verdict": self.verdict.as_dict() if self.verdict else None}


def _overload(live: Sequence[ClassBuild], changed: Sequence[ClassBuild]) -> str:
    """Return which POPs would be too full were the change live, and are not; empty: none."""
    then, now = (set(one[0].outlook.above) if one[0].outlook else set() for one in (live, changed))
    return f"overload if all lived with it: {', '.join(sorted(now - then))}" if now - then else ""
