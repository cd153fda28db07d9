"""The rows of resolvers: what each POP costs the clients behind one, decided by the chain as any other row.

CANS of Chen et al. (SIGCOMM 2015, 6): a resolver's latency to a POP is the mean of its clients', weighted by
their demand. Rules hold for the resolver by its own network: they are the operator's word, not an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from collectors.ladder import RUNGS
from itm.steer.arrivals import Arrivals
from itm.steer.behind import Behind, family_of, unit_of
from itm.steer.decide import Decision, decide
from itm.steer.demand import Demand
from itm.steer.estimate import Estimate, Floats
from itm.steer.evidence import Evidence, Keys
from itm.steer.memory import Memory
from itm.steer.plan import Limits, limited
from itm.steer.rows import Rows
from itm.steer.steps import NO_POP, Facts, Terms
from itm.steer.world import World

CHUNK: Final = 32_768
"""Clients estimated at a time: bounds memory to some 40 MB for 50 POPs."""

RESOLVER_BITS: Final = np.uint64(0xFF << 52)
"""Makes the key of a resolver's row from its network's: a prefix of a length that none has."""


@dataclass(frozen=True, slots=True, eq=False)
class Resolvers:
    """What one build knows of resolvers, for all classes: who is behind each, and the estimate of each."""

    behind: Behind
    estimate: Estimate

    @classmethod
    def of(cls, world: World, evidence: Evidence, behind: Behind) -> Resolvers:
        """Estimate every resolver by its clients."""
        parts = [_means(world, evidence, part) for part in _chunks(behind)]
        fields = ([getattr(part, name) for part in parts] for name in Estimate.__slots__)
        return cls(behind, Estimate(*(np.concatenate(field) for field in fields)))

    @property
    def keys(self) -> Keys:
        """The keys of the rows in memory."""
        return self.behind.resolver | RESOLVER_BITS


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Where resolvers stand in the client map: the rule of each one's network, the POP served to it there."""

    rule: npt.NDArray[np.uint8]
    pop: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, rows: Rows, decision: Decision, resolver: Keys) -> Standing:
        """Look up the networks of resolvers in the rows of one class and their decision."""
        own = rows.find(resolver)
        return cls(rows.rule[own], decision.ranks[own, 0])

    @classmethod
    def before(cls, rows: Rows, resolver: Keys) -> Standing:
        """Look up the networks of resolvers in rows that are not decided yet: nobody is served."""
        return cls(rows.rule[rows.find(resolver)], np.full(len(resolver), NO_POP, dtype=np.uint16))


@dataclass(frozen=True, slots=True, eq=False)
class ResolverRows:
    """The resolvers of one class: keys of their networks, and what was decided.

    `held` has the keys of rows that the limiter kept where they were.
    """

    resolver: Keys
    rule: npt.NDArray[np.uint8]
    decision: Decision
    held: Keys


def decide_resolvers(
    facts: Facts,
    resolvers: Resolvers,
    standing: Standing,
    steer: tuple[str, ...],
    limits: Limits,
    demand: Demand,
    is_pressing: npt.NDArray[np.bool_],
    arrivals: Arrivals | None,
) -> ResolverRows:
    """Decide the resolvers of one class; no more of their clients move at once than limits and arrivals say.

    Who `is_pressing` makes room for the users of a POP that is away: no limit holds it.
    """
    decision = decide(facts, steer, limits.candidates, limits.near, limits.loss_ms)
    makes_room = is_pressing & (decision.ranks[:, 0] != facts.previous)
    decision = replace(decision, mandatory=decision.mandatory | makes_room)
    pops = tuple(map(str, range(facts.tiers.shape[1])))
    weight = demand.of_resolvers(resolvers.behind)
    decision, _, held = limited(decision, facts.previous, weight, pops, limits.max_moved_share, arrivals)
    return ResolverRows(resolvers.behind.resolver, standing.rule, decision, resolvers.keys[held])


def facts_of(world: World, resolvers: Resolvers, standing: Standing, terms: Terms, memory: Memory) -> Facts:
    """Return the facts of resolvers in one class; one that is new was served what the client map says."""
    nobody = np.full(len(resolvers.keys), -1, dtype=np.intp)
    served, challenger = memory.recall(world.pops, resolvers.keys, nobody)
    previous = np.where(served == NO_POP, standing.pop, served)
    rest = memory.recall_moves(world.pops).rest(resolvers.keys)
    return terms.facts(resolvers.estimate, standing.rule, previous, challenger, resolvers.keys, rest)


def _chunks(behind: Behind) -> Iterator[Behind]:
    """Cut into runs with at most `CHUNK` clients, one resolver at least; of none, one empty run."""
    first = 0
    while first < len(behind) or first == 0:
        most = np.searchsorted(behind.start, behind.start[first] + CHUNK, side="right") - 1
        end = min(max(int(most), first + 1), len(behind))
        yield behind.rows(first, end)
        first = max(end, 1)


def _means(world: World, evidence: Evidence, behind: Behind) -> Estimate:
    """Return the estimates of resolvers: the weighted means of their clients'."""
    clients = estimate_clients(world, evidence, behind.client)
    if not len(behind):
        return clients
    starts, weight = behind.start[:-1], behind.weight.astype(np.float64)
    total = np.add.reduceat(weight, starts)

    def mean(values: npt.NDArray[np.floating]) -> Floats:
        column = weight.reshape(-1, *[1] * (values.ndim - 1))
        sums = np.add.reduceat(values * column, starts, axis=0)
        means: Floats = (sums / total.reshape(-1, *[1] * (values.ndim - 1))).astype(np.float32)
        return means

    known = np.isfinite(clients.availability)
    heard = np.logical_or.reduceat(known, starts, axis=0)
    # Whom nobody has tried to reach is reached: one client's fault must not take a POP from all of them.
    reached = mean(np.where(known, clients.availability, np.float32(1)))
    return Estimate(
        rtt=mean(clients.rtt),
        low=mean(clients.low),
        high=mean(clients.high),
        unsteady_ms=mean(clients.unsteady_ms),
        weight=mean(clients.weight),
        n=mean(clients.n),
        distinct=np.maximum.reduceat(clients.distinct, starts, axis=0),
        access_ms=mean(clients.access_ms),
        availability=np.where(heard, reached, np.float32(np.nan)),
        availability_n=np.maximum.reduceat(clients.availability_n, starts, axis=0),
    )


def estimate_clients(world: World, evidence: Evidence, client: Keys) -> Estimate:
    """Return the estimates of client networks, each by its own ladder as if it asked itself."""
    family, unit = family_of(client), unit_of(client)
    ladder = world.ladder.keys(family, unit)
    place = np.zeros(len(client), dtype=np.uint32)
    for version in (4, 6):
        here = np.flatnonzero(family == version)
        if len(here):
            place[here] = world.places.places_of(version, unit[here])
    keys = {rung: ladder[:, RUNGS.index(rung)] for rung in evidence.drawn}
    return evidence.estimate(world.predictions[:, world.places.cell[place], :], keys)
