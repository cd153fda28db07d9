"""The row that one network is decided by: the same precedence as `rows`, for a single address."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collectors.ladder import RUNGS
from collectors.network import Network
from itm.steer.build import variant_keys
from itm.steer.classes import SteeringClass
from itm.steer.evidence import Evidence, Keys
from itm.steer.memory import Memory
from itm.steer.steps import Facts
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One network's row: `kind` is `network`, `prefix`, `rule` or `place`; `key` its key in memory."""

    kind: str
    key: int
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
    if has["network"]:
        kind, finer, row_key = "network", {"prefix", "network"}, key["network"]
    elif has["prefix"] and not subnet:
        kind, finer, row_key = "prefix", {"prefix"}, key["prefix"]
    elif rule < place_rule:
        kind, finer = "rule", set()
        row_key = variant_keys(np.array([key["place"]]), np.array([rule]))[0]
    else:
        kind, finer, row_key = "place", set(), key["place"]
    used = {"place", *finer}
    keys = {r: np.array([key[r] if r in used else 0], dtype=np.uint64) for r in key}
    return Row(kind, int(row_key), place, rule, keys)


def facts_of(world: World, evidence: Evidence, steering: SteeringClass, memory: Memory, row: Row) -> Facts:
    """Return the facts of one row, from the memory that the build had."""
    place_and_own = np.array([world.places.key[row.place], row.key], dtype=np.uint64)
    parent = np.array([-1, 0 if row.kind != "place" else -1], dtype=np.intp)
    served, challenger = memory.recall(world.pops, place_and_own, parent)
    prediction = world.predictions[:, world.places.cell[[row.place]], :]
    return Facts(
        estimate=evidence.estimate(prediction, row.keys),
        tiers=steering.tiers(world.catalog.pops)[[row.rule]],
        bias_ms=world.bias_ms,
        previous=served[1:],
        challenger=challenger[1:],
    )
