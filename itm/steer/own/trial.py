"""Try an own step on the present world: what it changes of each POP, and whom that would move."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from itm.catalog.types import Service
from itm.errors import OwnStepFailed
from itm.steer.build import ClassBuild, build_class
from itm.steer.classes import SteeringClass, class_of
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.own.runner import OwnRunner
from itm.steer.plan import Limits
from itm.steer.resolvers import Resolvers
from itm.steer.world import World

BEFORE = ("capacity", "cost", "weighted", "failover", "sticky", "first")
"""Steps of a chain that a new one is tried before: those that choose by the scores."""


@dataclass(frozen=True, slots=True)
class TriedPop:
    """One POP: in how many rows the step added to it and what, in how many it dropped it, and its share of
    demand without and with the step.
    """

    pop: str
    added: int
    mean_ms: float
    dropped: int
    load_before: float
    load: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What a step does over `rows` rows, `changed` of them; `moved_share` of demand has another first POP."""

    step: str
    service: str
    chain: tuple[str, ...]
    rows: int
    changed: int
    seconds: float
    moved_share: float
    pops: tuple[TriedPop, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the trial as JSON-ready data."""
        own = {name: getattr(self, name) for name in self.__slots__}
        return own | {"pops": [{n: getattr(p, n) for n in p.__slots__} for p in self.pops]}


def try_step(world: World, inputs: Inputs, service: Service, step: str, runner: OwnRunner) -> Trial:
    """Decide a service's class with the step and without it. Raises `OwnStepFailed` with its fault."""
    steering = class_of(service)
    chain = _with(steering.steer, step)
    rest = tuple(name for name in chain if name != step)
    made = _decided(world, inputs, replace(steering, steer=chain), runner)
    outcome = next(one for one in made.terms.own if one.step == step)
    if outcome.fault:
        raise OwnStepFailed(f"{step}: {outcome.fault}")
    without = _decided(world, inputs, replace(steering, steer=rest), runner)
    weight = inputs.demand.weights(made.rows)
    moved = made.decision.ranks[:, 0] != without.decision.ranks[:, 0]
    added, dropped = outcome.change.add_ms, outcome.change.drop
    counts = np.maximum((added != 0).sum(axis=0), 1)
    return Trial(
        step=step,
        service=service.name,
        chain=chain,
        rows=len(made.rows) + len(made.resolvers.resolver),
        changed=len(outcome.key),
        seconds=round(runner.spent[step], 3),
        moved_share=float(weight[moved].sum() / max(float(weight.sum()), 1e-9)),
        pops=tuple(
            TriedPop(
                pop=name,
                added=int((added[:, p] != 0).sum()),
                mean_ms=round(float(added[:, p].sum() / counts[p]), 2),
                dropped=int(dropped[:, p].sum()),
                load_before=without.plan.load[name],
                load=made.plan.load[name],
            )
            for p, name in enumerate(world.pops)
        ),
    )


def _decided(world: World, inputs: Inputs, steering: SteeringClass, runner: OwnRunner) -> ClassBuild:
    resolvers = Resolvers.of(world, inputs.evidence, inputs.behind)
    limits = Limits(inputs.candidates, 1.0)
    return build_class(
        world,
        inputs.evidence,
        steering,
        Memory.nothing(),  # what it comes to in the end, whatever is served now
        limits,
        resolvers=resolvers,
        demand=inputs.demand,
        own_steps=runner,
    )


def _with(steer: tuple[str, ...], step: str) -> tuple[str, ...]:
    """Return the chain with the step: where it stands, or before whatever chooses by the scores."""
    if step in steer:
        return steer
    at = next((at for at, name in enumerate(steer) if name in BEFORE), len(steer))
    return (*steer[:at], step, *steer[at:])
