"""The row that one network is decided by: the same precedence as `rows`, for a single address."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collectors.ladder import RUNGS
from collectors.network import Network
from itm.steer.classes import SteeringClass
from itm.steer.evidence import Evidence, Keys
from itm.steer.frame import variant_keys
from itm.steer.memory import Memory
from itm.steer.steps import Facts, Terms
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One network's row: `kind` is `network`, `prefix`, `rule` or `place`; `key` its key in memory, `parent`
    that of the row its clients would belong to without it.
    """

    kind: str
    key: int
    parent: int
    place: int
    rule: int
    keys: dict[str, Keys]


def row_of(world: World, evidence: Evidence, steering: SteeringClass, network: Network) -> Row:
    """Return the row that the build used for this network."""
    ladder = world.ladder.keys(
        np.array([network.family], dtype=np.uint8), np.array([network.unit], dtype=np.uint64)
    )[0]
    place = world.places.place_of(network)
    place_rule = int(world.rule_of_place(steering, place))
    subnet = [
        rule for first, end, rule in steering.subnet_ranges(network.family) if first <= network.unit < end
    ]
    rule = min([place_rule, *subnet])
    key = {rung: ladder[RUNGS.index(rung)] for rung in ("place", "prefix", "network")}
    has = {rung: bool(evidence.rungs[rung].rows(np.array([key[rung]]))[0] >= 0) for rung in key}
    base = variant_key(key["place"], rule) if rule < place_rule else key["place"]
    lineage = [("rule" if rule < place_rule else "place", base)]
    if has["prefix"] and not subnet:
        lineage.append(("prefix", key["prefix"]))
    if has["network"]:
        lineage.append(("network", key["network"]))
    kind, own = lineage[-1]
    parent = lineage[-2][1] if len(lineage) > 1 else key["place"]
    used = {"network": ("place", "prefix", "network"), "prefix": ("place", "prefix")}.get(kind, ("place",))
    keys = {r: np.array([key[r] if r in used else 0], dtype=np.uint64) for r in key}
    keys |= world.ladder.wide_keys(np.array([place]))
    return Row(kind, int(own), int(parent), place, rule, keys)


def variant_key(place: np.uint64, rule: int) -> np.uint64:
    """Return the key of one (place, subnet rule) row."""
    key: np.uint64 = variant_keys(np.array([place]), np.array([rule]))[0]
    return key


def facts_of(world: World, evidence: Evidence, terms: Terms, memory: Memory, row: Row) -> Facts:
    """Return the facts of one row, from the memory that the build had."""
    lineage = np.array([world.places.key[row.place], row.parent, row.key], dtype=np.uint64)
    served, challenger = memory.recall(world.pops, lineage, np.array([-1, 0, 1], dtype=np.intp))
    prediction = world.predictions[:, world.places.cell[[row.place]], :]
    rule = np.array([row.rule], dtype=np.uint8)
    return terms.facts(
        evidence.estimate(prediction, row.keys),
        rule,
        served[-1:],
        challenger[-1:],
        lineage[-1:],
        memory.recall_moves(world.pops).rest(lineage[-1:]),
    )
