"""One build of all steering classes: World + Knowledge + Memories in, one `ClassBuild` per class out.

Pure: the builder process runs it with files and a clock around it, the simulation with a made-up world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from itm.routemap.health import State
from itm.steer.balance import balance
from itm.steer.build import ClassBuild, draft_class, finish_class
from itm.steer.demand import Demand
from itm.steer.evidence import Evidence
from itm.steer.loads import PopLoad
from itm.steer.memory import Memory
from itm.steer.own.runner import NoOwnSteps, OwnSteps
from itm.steer.plan import Limits
from itm.steer.resolvers import Resolvers
from itm.steer.rooms import Rooms, Usual
from itm.steer.spill import NEAREST
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """What a build knows of this moment: what was measured, who sits behind which resolver, who is where;
    and who runs operators' own steps.

    `now`, in seconds since the epoch, is what rows that moved of late rest by (0: nobody does). For POPs that
    can be full: `loads` as hosts reported them, health `states`, by POP id; the sessions in all where no POP
    reports any (0: not known); and what was `usual` by the last outlook at which no POP was away.
    """

    evidence: Evidence
    resolvers: Resolvers
    demand: Demand = field(default_factory=Demand.nothing)
    loads: Mapping[str, PopLoad] = field(default_factory=dict)
    states: Mapping[str, State] = field(default_factory=dict)
    planned_sessions: float = 0.0
    usual: Mapping[str, Usual] = field(default_factory=dict)
    own_steps: OwnSteps = field(default_factory=NoOwnSteps)
    now: float = 0.0


def build_all(
    world: World,
    knowledge: Knowledge,
    memories: Sequence[Memory],
    limits: Limits,
    last: Sequence[ClassBuild] = (),
) -> tuple[ClassBuild, ...]:
    """Decide every class of `world`, with one memory each; `last` (same world) makes it incremental."""
    knowledge.own_steps.begin()
    known = knowledge.loads, knowledge.states, knowledge.planned_sessions, knowledge.usual
    rooms = Rooms.of(world.catalog.pops, *known)
    limits = replace(limits, near=NEAREST if rooms.is_limited else 0)
    before: Sequence[ClassBuild | None] = last or (None,) * len(world.classes)
    drafts = [
        draft_class(
            world,
            knowledge.evidence,
            steering,
            memory.read_at(knowledge.now),
            limits,
            own,
            knowledge.resolvers,
            demand=knowledge.demand,
            own_steps=knowledge.own_steps,
        )
        for steering, memory, own in zip(world.classes, memories, before, strict=True)
    ]
    balanced = balance(drafts, rooms)
    is_bounded = limits.max_moved_share < 1  # a person's change is bounded by nothing
    builds = [
        finish_class(draft, granted, balanced.bound(index) if is_bounded else None)
        for index, (draft, granted) in enumerate(zip(drafts, balanced.granted, strict=True))
    ]
    outlook = balanced.outlook(builds)
    if outlook is None:
        return tuple(builds)
    plans = [replace(build.plan, sessions=outlook.sessions, full=outlook.full) for build in builds]
    return tuple(replace(build, outlook=outlook, plan=own) for build, own in zip(builds, plans, strict=True))
