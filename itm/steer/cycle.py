"""One build of all steering classes: World + Knowledge + Memories in, one `ClassBuild` per class out.

Pure: the builder process runs it with files and a clock around it, the simulation with a made-up world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from itm.steer.build import ClassBuild, build_class
from itm.steer.demand import Demand
from itm.steer.evidence import Evidence
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.resolvers import Resolvers
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """What a build knows of this moment: what was measured, who sits behind which resolver, who is where."""

    evidence: Evidence
    resolvers: Resolvers
    demand: Demand = field(default_factory=Demand.nothing)


def build_all(
    world: World,
    knowledge: Knowledge,
    memories: Sequence[Memory],
    limits: Limits,
    last: Sequence[ClassBuild] = (),
) -> tuple[ClassBuild, ...]:
    """Decide every class of `world`, with one memory each; `last` (same world) makes it incremental."""
    before: Sequence[ClassBuild | None] = last or (None,) * len(world.classes)
    return tuple(
        build_class(
            world,
            knowledge.evidence,
            steering,
            memory,
            limits,
            own,
            knowledge.resolvers,
            demand=knowledge.demand,
        )
        for steering, memory, own in zip(world.classes, memories, before, strict=True)
    )
