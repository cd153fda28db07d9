"""One build: World + Evidence + Memory in, decisions, plans and class maps out. Pure; publishes nothing.

Only rows whose inputs can have changed are decided again: those with evidence now or at the last build,
those whose challenger is new, and those the limiter held. All others keep their decision, which a
full build (`last=None`) would repeat bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from itm.routemap.routemap import ClassMap
from itm.steer.arrivals import Bound
from itm.steer.behind import Behind
from itm.steer.classes import SteeringClass
from itm.steer.compile import compile_class
from itm.steer.decide import CHUNK, Decision, decide
from itm.steer.demand import Demand
from itm.steer.evidence import Evidence, Keys
from itm.steer.frame import Frame, frame_of
from itm.steer.grants import Granted
from itm.steer.legs import legs_of
from itm.steer.memory import Memory
from itm.steer.outlook import Outlook
from itm.steer.own.outcomes import Part, asked
from itm.steer.own.runner import NoOwnSteps, OwnSteps
from itm.steer.plan import Limits, Plan, limited
from itm.steer.ranks import put_second
from itm.steer.residual import Residuals
from itm.steer.resolvers import ResolverRows, Resolvers, Standing, decide_resolvers, facts_of
from itm.steer.rows import Rows
from itm.steer.standins import spared
from itm.steer.steps import Terms
from itm.steer.terms import terms_of
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class ClassBuild:
    """The outcome for one class: what was decided, from which memory, and what comes of it.

    `draft` is what was decided as if no POP could be full and nothing were held. `touched` rows drew on
    evidence, all of them on `residuals`; `held` has the sorted keys of rows that the limiter kept where they
    were, those of `resolvers` among them; `granted` what rows got that cannot all have their first choice,
    `outlook` how full POPs will be, of all classes (None where none can be); `moved` rows drafted elsewhere.
    """

    steering: SteeringClass
    terms: Terms
    rows: Rows
    before: Memory
    after: Memory
    draft: Decision
    decision: Decision
    touched: npt.NDArray[np.bool_]
    residuals: Residuals
    held: Keys
    plan: Plan
    table: ClassMap
    resolvers: ResolverRows
    moved: npt.NDArray[np.bool_]
    granted: Granted = field(default_factory=Granted.nothing)
    outlook: Outlook | None = None

    @property
    def unmeasured(self) -> int:
        """The number of leading rows that stand for places, not for measured prefixes."""
        return int((self.rows.measured < 0).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """One class decided as if no POP could be full, with what is needed to finish it.

    `weight` is the demand of each row; `apart` what resolvers would get, who are served `apart_served`.
    """

    world: World
    evidence: Evidence
    steering: SteeringClass
    memory: Memory
    limits: Limits
    resolvers: Resolvers
    demand: Demand
    frame: Frame
    touched: npt.NDArray[np.bool_]
    decision: Decision
    weight: npt.NDArray[np.float32]
    apart: Decision
    apart_served: npt.NDArray[np.uint16]


def build_class(
    world: World,
    evidence: Evidence,
    steering: SteeringClass,
    memory: Memory,
    limits: Limits,
    last: ClassBuild | None = None,
    resolvers: Resolvers | None = None,
    demand: Demand | None = None,
    own_steps: OwnSteps | None = None,
) -> ClassBuild:
    """Decide one class whose POPs are never full: `draft_class` and `finish_class` in one."""
    return finish_class(
        draft_class(world, evidence, steering, memory, limits, last, resolvers, demand, own_steps)
    )


def draft_class(
    world: World,
    evidence: Evidence,
    steering: SteeringClass,
    memory: Memory,
    limits: Limits,
    last: ClassBuild | None = None,
    resolvers: Resolvers | None = None,
    demand: Demand | None = None,
    own_steps: OwnSteps | None = None,
) -> Draft:
    """Decide one class as if no POP were full; `last` (same world) makes it incremental, but for own steps.

    `resolvers` are always decided anew; None: nobody is known behind any. `demand` None: of addresses alone.
    `own_steps` None: own steps are as if they were not there.
    """
    terms = terms_of(world, steering, legs_of(world, evidence, steering))
    demand = demand or Demand.nothing()
    resolvers = resolvers or Resolvers.of(world, evidence, Behind.nothing())
    last = _usable(last, terms, steering, min(limits.near, len(world.pops)))
    place_rule = last.rows.rule[: len(world.places.asn)] if last else world.rules_of_places(steering)
    frame = frame_of(world, evidence, steering, terms, memory, place_rule)
    if steering.own_steps():
        parts = partial(_parts, world, evidence, frame, resolvers, memory)
        terms = asked(world, steering.steer, terms, parts, own_steps or NoOwnSteps())
        frame = replace(frame, terms=terms)
    rows = frame.rows
    touched = evidence.touches(frame.keys)
    chosen = np.flatnonzero(_todo(touched, frame.keys, evidence.residuals, last))
    fresh = [
        decide(
            frame.facts(world, evidence, chunk),
            steering.steer,
            limits.candidates,
            limits.near,
            limits.loss_ms,
        )
        for chunk in chunks_of(chosen)
    ]
    decision = _merged(fresh, chosen, last, len(rows))
    standing = Standing.of(rows, decision, resolvers.behind.resolver)
    facts = facts_of(world, resolvers, standing, terms, memory)
    return Draft(
        world=world,
        evidence=evidence,
        steering=steering,
        memory=memory,
        limits=limits,
        resolvers=resolvers,
        demand=demand,
        frame=frame,
        touched=touched,
        decision=decision,
        weight=demand.weights(rows),
        apart=decide(facts, steering.steer, limits.candidates, limits.near, limits.loss_ms),
        apart_served=facts.previous,
    )


def _usable(last: ClassBuild | None, terms: Terms, steering: SteeringClass, near: int) -> ClassBuild | None:
    """Return the last build where drafts can be taken over from it.

    Not under other legs, not with own steps, and not where it keeps other costs for the assignment.
    """
    if last is None or steering.own_steps() or last.draft.near.shape[1] != near:
        return None
    return last if np.array_equal(terms.pops.leg_ms, last.terms.pops.leg_ms) else None


def finish_class(draft: Draft, granted: Granted | None = None, bound: Bound | None = None) -> ClassBuild:
    """Decide again the rows that are granted something, and limit, plan and compile.

    `bound` says what may arrive at each POP; None: whatever comes.
    """
    granted = granted or Granted.nothing()
    world, frame, limits, resolvers = draft.world, draft.frame, draft.limits, draft.resolvers
    rows, steering = frame.rows, draft.steering
    decision = _regranted(draft, granted)
    arrivals = bound.of_clients() if bound else None
    most = limits.max_moved_share
    decision, plan, held = limited(decision, frame.served, draft.weight, world.pops, most, arrivals)
    standing = Standing.of(rows, decision, resolvers.behind.resolver)
    facts = facts_of(world, resolvers, standing, frame.terms, draft.memory)
    facts = replace(facts, granted=granted.facts(resolvers.keys, len(world.pops)))
    pressing = granted.is_pressing(resolvers.keys)
    arrivals = bound.of_resolvers(decision.ranks[:, 0], frame.served) if bound else None
    apart = decide_resolvers(
        facts, resolvers, standing, steering.steer, limits, draft.demand, pressing, arrivals
    )
    keys = np.append(frame.keys["row"], resolvers.keys)
    first = np.append(decision.ranks[:, 0], apart.decision.ranks[:, 0])
    wanted = np.append(decision.wanted, apart.decision.wanted)
    moves = frame.moves.after(keys, np.append(frame.served, facts.previous), first)
    return ClassBuild(
        steering=steering,
        terms=frame.terms,
        rows=rows,
        before=draft.memory,
        after=Memory.of(world.pops, keys, first, wanted, moves),
        draft=draft.decision,
        decision=decision,
        touched=draft.touched,
        residuals=draft.evidence.residuals,
        held=np.sort(np.append(frame.keys["row"][held], apart.held)),
        plan=plan,
        table=compile_class(decision, rows, apart, frame.terms.rules, draft.weight),
        resolvers=apart,
        moved=draft.decision.ranks[:, 0] != frame.served,
        granted=granted,
    )


def _regranted(draft: Draft, granted: Granted) -> Decision:
    """Return the draft's decision with the rows that are granted something decided by that.

    Nobody else comes to the POPs that those cannot all have.
    """
    key = draft.frame.keys["row"]
    at = granted.rows(key)
    has_parts = np.append(granted.share.any(axis=1), False)[at]
    chosen = np.flatnonzero(has_parts)
    decision = draft.decision
    for begin in range(0, len(chosen), CHUNK):
        part = chosen[begin : begin + CHUNK]
        facts = draft.frame.facts(draft.world, draft.evidence, part)
        facts = replace(facts, granted=granted.facts(key[part], len(draft.world.pops)))
        again = decide(facts, draft.steering.steer, draft.limits.candidates)
        urgent = again.mandatory | (granted.is_pressing(key[part]) & (again.ranks[:, 0] != facts.previous))
        own = draft.decision.take(part)
        nobody = np.zeros_like(own.stand_ins)
        again = replace(again, mandatory=urgent, near=own.near, near_ms=own.near_ms, stand_ins=nobody)
        decision = decision.put(part, again)
    # What the chain does with a spare alone, without running it.
    rest = np.flatnonzero((at >= 0) & ~has_parts)
    if len(rest) and "first" not in draft.steering.steer:
        ranks = decision.ranks.copy()
        ranks[rest] = put_second(ranks[rest], granted.spare[at[rest]])
        decision = replace(decision.apart(rest), ranks=ranks)
    full = np.unique(draft.decision.ranks[chosen, 0])
    return replace(decision, stand_ins=spared(decision.stand_ins, decision.ranks[:, 0], full))


def chunks_of(rows: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    """Yield the rows in runs of a size that bounds memory."""
    return (rows[begin : begin + CHUNK] for begin in range(0, len(rows), CHUNK))


def _parts(
    world: World, evidence: Evidence, frame: Frame, resolvers: Resolvers, memory: Memory, terms: Terms
) -> Iterator[Part]:
    """Yield all rows of a class for its own steps, those of resolvers last, before anything is decided."""
    framed = replace(frame, terms=terms)
    for chunk in chunks_of(np.arange(len(frame.rows))):
        facts = framed.facts(world, evidence, chunk)
        yield Part(frame.keys["row"][chunk], frame.rows.place[chunk].astype(np.intp), facts)
    if len(resolvers.keys):
        standing = Standing.before(frame.rows, resolvers.behind.resolver)
        place = frame.rows.place[frame.rows.find(resolvers.behind.resolver)]
        facts = facts_of(world, resolvers, standing, terms, memory)
        yield Part(resolvers.keys, place.astype(np.intp), facts)


def _todo(
    touched: npt.NDArray[np.bool_], keys: dict[str, Keys], residuals: Residuals, last: ClassBuild | None
) -> npt.NDArray[np.bool_]:
    """Say which rows' drafts can come out differently from the last: measured ones, shifted ones, these."""
    todo = np.ones(len(touched), dtype=bool)
    if last is not None:
        kept = last.unmeasured
        settled = last.decision.ranks[:kept, 0] == last.decision.wanted[:kept]
        todo[:kept] = touched[:kept] | last.touched[:kept] | ~settled
        todo[:kept] |= last.moved[:kept] & last.terms.adapts  # certain again once it has stayed
        todo |= residuals.changed(last.residuals, keys)
    return todo


def _merged(
    fresh: Sequence[Decision], chosen: npt.NDArray[np.intp], last: ClassBuild | None, count: int
) -> Decision:
    """Put fresh rows into the last draft; measured rows, which stand at the end, are always fresh."""
    if last is None:
        return Decision.joined(fresh)
    kept = last.draft.take(np.arange(last.unmeasured))
    # A row that is not decided again moves nowhere and gains nothing.
    still = replace(kept, gain_ms=np.zeros_like(kept.gain_ms), mandatory=np.zeros_like(kept.mandatory))
    if not fresh:
        return still
    new = Decision.joined(fresh)
    own = new.take(np.arange(len(new) - (count - last.unmeasured), len(new)))
    return Decision.joined([still, own]).put(chosen, new)
