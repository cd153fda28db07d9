"""The terms of a steering class: what the catalog says of its POPs and rules, as arrays for the steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from itm.catalog.types import Margin, Pop
from itm.steer.classes import NOT_ALLOWED, SteeringClass
from itm.steer.estimate import Floats
from itm.steer.outcome import Outcome
from itm.steer.steps import PopFacts, RuleFacts, Terms
from itm.steer.world import World

NO_HANDICAP = Margin()


def terms_of(
    world: World,
    steering: SteeringClass,
    leg_ms: Floats | None = None,
    own: tuple[Outcome, ...] = (),
) -> Terms:
    """Return the terms of one class; `leg_ms` is each POP's round trip to its Locations (None: 0)."""
    pops = world.catalog.pops
    steps = set(steering.steer)
    leg = np.zeros(len(pops), dtype=np.float32) if leg_ms is None or "joint" not in steps else leg_ms
    price = [pop.cost or 0.0 if "cost" in steps else 0.0 for pop in pops]
    facts = PopFacts(world.bias_ms, np.array(price, dtype=np.float32), leg)
    return Terms(facts, _rule_facts(world, steering, leg), steering.tuning, own, adapts=steering.adapts)


def _rule_facts(world: World, steering: SteeringClass, leg_ms: Floats) -> RuleFacts:
    pops = world.catalog.pops
    tiers = steering.tiers(pops)
    position = np.zeros(tiers.shape, dtype=np.uint16)
    weight = np.ones(tiers.shape, dtype=np.float32)
    handicap = np.zeros((2, *tiers.shape), dtype=np.float32)
    for r, p in zip(*np.nonzero(tiers != NOT_ALLOWED), strict=True):
        pool = steering.rules[r].pools[tiers[r, p]]
        position[r, p] = dict(steering.pools)[pool].index(pops[p].id)
        weight[r, p] = _weight(steering, pool, int(position[r, p]))
        margin = _handicap(steering, pool, pops[p])
        handicap[:, r, p] = margin.ms, margin.share
    common = world.common_score * (1 + handicap[1]) + handicap[0] + leg_ms
    order = position if "failover" in steering.steer else np.round(common, 1)
    return RuleFacts(tiers, position, weight, handicap[0], handicap[1], order.astype(np.float32))


def _weight(steering: SteeringClass, pool: str, position: int) -> float:
    weights = dict(steering.tuning.weights)
    return weights[pool][position] if pool in weights else 1.0


def _handicap(steering: SteeringClass, pool: str, pop: Pop) -> Margin:
    """Return the handicap of a POP in a pool: its own word stands before its pool's."""
    of_pools = dict(steering.tuning.pool_handicaps)
    return dict(steering.tuning.pop_handicaps).get(pop.id, of_pools.get(pool, NO_HANDICAP))


def tail_of(tiers: npt.NDArray[np.uint8], common: Floats) -> npt.NDArray[np.uint16]:
    """Return every POP that a rule with these tiers allows, by pool and then by its common score."""
    order = np.lexsort((common, tiers))
    tail: npt.NDArray[np.uint16] = order[tiers[order] != NOT_ALLOWED].astype(np.uint16)
    return tail
