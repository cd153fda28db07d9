"""The rows of one class laid out for a decision: which there are, their keys, and what a decision reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from collectors.ladder import RUNGS
from itm.steer.classes import SteeringClass
from itm.steer.evidence import Evidence, Keys
from itm.steer.memory import Memory
from itm.steer.moves import Moves
from itm.steer.rows import MeasuredPrefixes, Rows, rows_of
from itm.steer.steps import Facts, Terms
from itm.steer.world import World

VARIANT_BIT = np.uint64(1 << 63)
"""Keeps keys of (place, subnet rule) rows apart from all ladder keys, which leave the top bit clear."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The rows of one class with everything that their decision reads."""

    rows: Rows
    keys: dict[str, Keys]
    terms: Terms
    served: npt.NDArray[np.uint16]
    challenger: npt.NDArray[np.uint16]
    moves: Moves

    def facts(self, world: World, evidence: Evidence, chosen: npt.NDArray[np.intp]) -> Facts:
        """Return the facts of some rows."""
        prediction = world.predictions[:, world.places.cell[self.rows.place[chosen]], :]
        return self.terms.facts(
            evidence.estimate(prediction, {r: self.keys[r][chosen] for r in evidence.drawn}),
            self.rows.rule[chosen],
            self.served[chosen],
            self.challenger[chosen],
            self.keys["row"][chosen],
            self.moves.rest(self.keys["row"][chosen]),
        )


def frame_of(
    world: World,
    evidence: Evidence,
    steering: SteeringClass,
    terms: Terms,
    memory: Memory,
    place_rule: npt.NDArray[np.uint8],
) -> Frame:
    """Lay out the rows of one class."""
    prefixes = measured_prefixes(world, evidence)
    rows = rows_of(steering, world.places, place_rule, prefixes)
    keys = row_keys(world, rows, prefixes)
    served, challenger = memory.recall(world.pops, keys["row"], rows.parent)
    return Frame(rows, keys, terms, served, challenger, memory.recall_moves(world.pops))


def measured_prefixes(world: World, evidence: Evidence) -> MeasuredPrefixes:
    """Return the networks and routing prefixes that have evidence of their own.

    A routing prefix of an earlier place table that is none in this one is left out: it may span places.
    """
    parts = []
    for rung in ("network", "prefix"):
        key = evidence.rungs[rung].key
        family = (key >> np.uint64(60)).astype(np.uint8)
        unit = key & np.uint64((1 << 48) - 1)
        bits = np.where(family == 4, 24, 48).astype(np.uint64)
        length = bits if rung == "network" else key >> np.uint64(52) & np.uint64(0xFF)
        end = unit + (np.uint64(1) << (bits - length))
        parts.append((family, unit, end, np.full(len(key), RUNGS.index(rung), np.uint8), key))
    family, first, end, rung_index, key = (np.concatenate(column) for column in zip(*parts, strict=True))
    place = np.zeros(len(key), dtype=np.uint32)
    for version in (4, 6):
        here = np.flatnonzero(family == version)
        if len(here):
            place[here] = world.places.places_of(version, first[here])
    routing = world.ladder.keys(family, first)[:, RUNGS.index("prefix")]
    is_current = (rung_index == RUNGS.index("network")) | (routing == key)
    return MeasuredPrefixes(family, first, end, place, rung_index, key, routing).take(is_current)


def row_keys(world: World, rows: Rows, prefixes: MeasuredPrefixes) -> dict[str, Keys]:
    """Return the keys of every row: `row` (unique), and per rung the key by which it draws on evidence.

    A rung that does not apply to a row has key 0, which no evidence carries.
    """
    place = world.places.key[rows.place]
    own = rows.measured >= 0
    row = place.copy()
    variant = (np.arange(len(rows)) >= len(world.places.asn)) & ~own
    row[variant] = variant_keys(place[variant], rows.rule[variant])
    row[own] = prefixes.key
    network, prefix = np.zeros_like(place), np.zeros_like(place)
    prefix[own] = prefixes.routing
    network[own] = np.where(prefixes.rung == RUNGS.index("network"), prefixes.key, 0)
    wide = world.ladder.wide_keys(rows.place)
    return {"row": row, "place": place, "prefix": prefix, "network": network, **wide}


def variant_keys(place: Keys, rule: npt.NDArray[np.integer[Any]]) -> Keys:
    """Return the keys of (place, subnet rule) rows: the place's key salted with the rule."""
    return VARIANT_BIT | (place ^ rule.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15 >> 8))
