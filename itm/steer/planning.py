"""What a change comes to: the builds until hysteresis has let go, and their Plan as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from itm.errors import OwnStepFailed, UnsafePlan
from itm.routemap.routemap import RouteMap
from itm.steer.build import ClassBuild
from itm.steer.compare import Reading, differences, removed
from itm.steer.cycle import Knowledge, build_all
from itm.steer.memory import Memory
from itm.steer.own.watch import raise_if_failed
from itm.steer.plan import Limits, Plan
from itm.steer.world import World

BUILDS: Final = 2
"""Builds until a change has its effect: `sticky` leaves a POP when another was better in two of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Prospect:
    """The `first` build of a world and the one that has `settled`; `plans` add up all between, per class.

    `removed` are the services that are answered now and are not in this world.
    """

    first: tuple[ClassBuild, ...]
    settled: tuple[ClassBuild, ...]
    plans: tuple[Plan, ...]
    removed: tuple[str, ...] = ()

    def raise_if_refused(self, limit: float, force: bool) -> None:
        """Raise `OwnStepFailed` if a step did not run.

        Raise `UnsafePlan` if unforced a service is removed, or more than `limit` of demand moves.
        """
        raise_if_failed(self.first)
        if self.removed and not force:
            raise UnsafePlan(
                f"{', '.join(self.removed)}: answered now, and would be removed; --force does it"
            )
        for one in self.plans:
            one.raise_if_unsafe(limit, force)

    def unsafe(self, limit: float) -> str:
        """Return why the change is refused without force, empty if it is not."""
        try:
            self.raise_if_refused(limit, force=False)
        except (OwnStepFailed, UnsafePlan) as error:
            return str(error)
        return ""


def prospect(
    world: World,
    knowledge: Knowledge,
    memories: Sequence[Memory],
    limits: Limits,
    served: RouteMap | None = None,
) -> Prospect:
    """Build a world again and again by what is known now, holding nothing back.

    `served` is the map that is answered from, None for none.
    """
    builds = [build_all(world, knowledge, memories, limits)]
    for _ in range(BUILDS - 1):
        after = [build.after for build in builds[-1]]
        builds.append(build_all(world, knowledge, after, limits, builds[-1]))
    plans = (Plan.of_all([build.plan for build in one]) for one in zip(*builds, strict=True))
    gone = removed(served, world.class_index) if served else ()
    return Prospect(builds[0], builds[-1], tuple(plans), gone)


def whole_plan(before: Reading, after: Reading, ahead: Prospect, limit: float) -> dict[str, Any]:
    """Return the Plan and the `Difference` of every class as JSON-ready data; `after` is what has settled.

    `removed` are services that are answered now and would be no more, `unsafe` is why `itm catalog
    apply` would refuse it at this limit, empty if it would not.
    """
    told = zip(ahead.plans, differences(before, after), strict=True)
    return {
        "unsafe": ahead.unsafe(limit),
        "removed": list(ahead.removed),
        "classes": [{"plan": plan.as_dict(), "difference": found.as_dict()} for plan, found in told],
    }
