"""A world with many places, where POPs can be full, and what its clients would get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from itm.routemap.health import State
from itm.routemap.mask import portions_of, serve
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild
from itm.steer.cycle import Knowledge, build_all
from itm.steer.evidence import Evidence
from itm.steer.loads import PopLoad
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.resolvers import Resolvers
from itm.steer.world import World
from tests.itm.steer.worlds import places, pop, service, world

CHAIN = ("up", "allowed", "available", "fastest", "capacity", "sticky")
NAMES = ("one", "two", "three", "four", "five")
UNITS = 40
"""Networks of each place."""


def crowded(
    capacity: Sequence[float], count: int = 80, seed: int = 1, steer: tuple[str, ...] = CHAIN
) -> World:
    """Return a world of so many equal places, and a POP for each capacity (0: not stated)."""
    rng = np.random.default_rng(seed)
    names = NAMES[: len(capacity)]
    pops = tuple(
        pop(name, i + 1, capacity=own) for i, (name, own) in enumerate(zip(names, capacity, strict=True))
    )
    start = np.arange(count + 2, dtype=np.uint32) * UNITS + 0x0A0000
    start[0] = 0
    place = np.append(np.arange(count + 1), 0).astype(np.uint32)
    table = replace(
        places(),
        country=np.append(0, np.ones(count)).astype(np.uint16),
        lat=np.append(np.nan, np.full(count, 35.0)).astype(np.float32),
        lon=np.append(np.nan, np.full(count, 139.0)).astype(np.float32),
        cell=np.arange(count + 1, dtype=np.uint32),
        asn=np.arange(count + 1, dtype=np.uint32) + 64_000,
        key=np.append(0, np.arange(count) + 1000).astype(np.uint64),
        weight=np.append(0, np.full(count, UNITS)).astype(np.float32),
        v4_start=start,
        v4_place=place,
        v6_start=np.zeros(1, np.uint64),
        v6_place=np.zeros(1, np.uint32),
    )
    p50 = rng.uniform(5, 120, (count + 1, len(names))).astype(np.float32)
    one = service(pools=(("world", names),), steer=steer)
    empty = world(one, pops=())
    return replace(
        empty,
        catalog=replace(empty.catalog, pops=pops),
        places=table,
        predictions=np.stack([p50 * 0.9, p50, p50 * 1.2]).astype(np.float32),
    )


def known(
    of: World,
    loads: Mapping[str, tuple[float, float]] | None = None,
    planned: float = 0.0,
    away: Sequence[str] = (),
    behind: Behind | None = None,
    last: Sequence[ClassBuild] = (),
) -> Knowledge:
    """Return what a build after `last` knows: (sessions, capacity) that POPs report, or what is planned."""
    evidence, outlook = Evidence.nothing(len(of.pops)), last[0].outlook if last else None
    return Knowledge(
        evidence,
        Resolvers.of(of, evidence, behind or Behind.nothing()),
        loads={name: PopLoad(*one, 1, 0.0) for name, one in (loads or {}).items()},
        states=dict.fromkeys(away, State.DOWN),
        planned_sessions=planned,
        usual=outlook.usual if outlook else {},
    )


def built(
    of: World, knowledge: Knowledge, last: Sequence[ClassBuild] = (), share: float = 1.0, whole: bool = False
) -> tuple[ClassBuild, ...]:
    """Build after `last`: incrementally, or `whole`."""
    memories = [one.after for one in last] or [Memory.nothing()] * len(of.classes)
    return build_all(of, knowledge, memories, Limits(4, share), () if whole else last)


def answered(
    of: World, build: ClassBuild, away: Sequence[str] = (), weight: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """Return the networks that every POP serves: what the map and the mask answer to each of them.

    `weight` is how many people each network of a place has.
    """
    states = [State.DOWN if name in away else State.UP for name in of.pops]
    load = np.zeros(len(of.pops))
    first = range(0x0A0000 + UNITS, int(of.places.v4_start[-1]), UNITS)  # of each place
    for row, unit in enumerate(first):
        leaf, _ = build.table.lookup(4, unit)
        order, shares = build.table.order_of(leaf), build.table.shares_of(leaf)
        portions = portions_of(order, states, shares)
        for p, share in (portions or {serve(order, states)[0]: 1.0}).items():
            load[p] += share * UNITS * (1 if weight is None else weight[row])
    return load
