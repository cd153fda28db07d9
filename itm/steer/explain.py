"""Why a client gets the answer it gets: the decision run again for one network, and compared.

Reads only what the published map was made from (inputs, catalog version, prediction) and the health
table; an outcome other than the served leaf is `ExplainMismatch`, our own bug, and never smoothed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from collectors.network import Network
from itm.catalog.types import Service
from itm.errors import ExplainMismatch, ItmError
from itm.routemap.health import State
from itm.routemap.mask import serve
from itm.routemap.routemap import NO_POP, ClassMap, RouteMap
from itm.steer.classes import NOT_ALLOWED, SteeringClass, class_of
from itm.steer.decide import Stage, decide, keep_served, trail
from itm.steer.inputs import Inputs
from itm.steer.one import Row, facts_of, row_of
from itm.steer.steps import Facts
from itm.steer.steps.fastest import band
from itm.steer.steps.sticky import GAIN_MS, GAIN_SHARE
from itm.steer.world import World


@dataclass(frozen=True, slots=True)
class WhyQuestion:
    """What is asked: a steered name, and a client (as ECS would carry it) or only a resolver."""

    name: str
    client: str = ""
    resolver: str = ""
    qtype: str = "A"


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """The live map with what it was decided from, and the health of now."""

    routemap: RouteMap
    inputs: Inputs
    world: World
    states: dict[str, State]


def explain(question: WhyQuestion, served: Served, clock: Callable[[], float] = time.time) -> dict[str, Any]:
    """Return the whole story as JSON-ready data.

    Raises `ItmError` for a name that is not steered or an address that is none, `ExplainMismatch` when
    the decision run again does not give the served leaf.
    """
    service = _service(question.name, served.world)
    address = question.client or question.resolver
    try:
        network = Network.of(address)
    except ValueError as error:
        raise ItmError(f"client: {error}") from error
    steering = class_of(service)
    index = served.world.class_index[service.name]
    row = row_of(served.world, served.inputs.evidence, steering, network)
    facts = facts_of(served.world, served.inputs.evidence, steering, served.inputs.memories[index], row)
    stages = trail(facts, steering.steer)
    table = served.routemap.classes[index]
    leaf, scope = table.lookup(network.family, network.unit)
    order = _checked_order(served, index, facts, steering, row, table, leaf)
    pops = served.world.pops
    choice, fail_open = serve(order, [served.states.get(p, State.UP) for p in pops])
    story: dict[str, Any] = {
        "name": service.name,
        "type": question.qtype,
        "network": str(network),
        "located_by": "client" if question.client else "resolver",
        "map": {
            "version": served.routemap.version,
            "age_seconds": round(clock() - served.routemap.built_at, 1),
            "catalog_version": served.routemap.catalog_version,
            "basis": served.routemap.basis,
            "leaf": leaf,
        },
        "ladder": _ladder(served, network, row),
        "row": row.kind,
        "access_ms": round(float(facts.estimate.access_ms[0]), 1),
        "pops": _pops(served, facts, stages, row, order),
        "steps": _steps(stages, pops, served, choice, fail_open),
        "candidates": [pops[p] for p in order],
        "answer": _answer(
            served, service, question.qtype, choice, scope if question.client else 0, fail_open
        ),
        "credit": served.world.places.credit,
    }
    story["runner_up"] = _runner_up(stages[-1], steering, pops, order)
    return story


def _service(name: str, world: World) -> Service:
    absolute = name.lower().rstrip(".") + "."
    for service in world.catalog.services:
        if service.name == absolute:
            return service
    known = ", ".join(s.name for s in world.catalog.services) or "none"
    raise ItmError(f"name: {absolute} is not a steered name (steered: {known})")


def _checked_order(
    served: Served,
    index: int,
    facts: Facts,
    steering: SteeringClass,
    row: Row,
    table: ClassMap,
    leaf: int,
) -> list[int]:
    """Return the served order, proved equal to the one decided again."""
    ranks = decide(facts, steering.steer, served.inputs.candidates).ranks
    held = served.inputs.held[index]
    if row.key in held:
        ranks = keep_served(ranks, facts.previous)
    again = [int(p) for p in ranks[0] if p != NO_POP]
    own = [int(p) for p in table.leaves[leaf] if p != NO_POP]
    if again != own:
        pops = served.world.pops
        raise ExplainMismatch(
            f"map {served.routemap.version}, leaf {leaf}: served {[pops[p] for p in own]}, "
            f"decided again {[pops[p] for p in again]}"
        )
    return table.order_of(leaf)


def _ladder(served: Served, network: Network, row: Row) -> list[dict[str, Any]]:
    steps = []
    for rung in served.world.ladder.describe(network):
        own = served.inputs.evidence.rungs.get(rung.rung)
        at = int(own.rows(row.keys[rung.rung])[0]) if own is not None else -1
        samples = round(float(own.measured.n[at].sum()), 1) if own is not None and at >= 0 else 0.0
        steps.append({"rung": rung.rung, "is": rung.text, "samples_used": samples})
    return steps


def _pops(
    served: Served, facts: Facts, stages: list[Stage], row: Row, order: list[int]
) -> list[dict[str, Any]]:
    estimate, last = facts.estimate, stages[-1].after
    prediction = served.world.predictions[:, served.world.places.cell[row.place], :]
    equal = band(last)[0]
    ranked = [*order, *(p for p in range(len(served.world.pops)) if p not in order)]
    listed = []
    for p in ranked:
        availability = float(estimate.availability[0, p])
        listed.append(
            {
                "pop": served.world.pops[p],
                "estimate_ms": round(float(estimate.rtt[0, p]), 1),
                "interval_ms": [round(float(estimate.low[0, p]), 1), round(float(estimate.high[0, p]), 1)],
                "predicted_ms": round(float(prediction[1, p]), 1),
                "origin": estimate.origin(0, p, placed=bool(served.world.places.cell[row.place])),
                "samples": round(float(estimate.n[0, p]), 1),
                "distinct": int(estimate.distinct[0, p]),
                "availability": None if availability != availability else round(availability, 3),
                "bias_ms": float(facts.bias_ms[p]),
                "health": served.states.get(served.world.pops[p], State.UP).name.lower(),
                "in_band": bool(equal[p]),
                "out": bool(last.tier[0, p] == NOT_ALLOWED),
            }
        )
    return listed


def _steps(
    stages: list[Stage], pops: tuple[str, ...], served: Served, choice: int, fail_open: bool
) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for before, stage in pairwise(stages):
        was, now = before.after, stage.after
        out = [pops[p] for p in range(len(pops)) if now.is_out()[0, p] and not was.is_out()[0, p]]
        behind = [
            pops[p] for p in range(len(pops)) if now.tier[0, p] > was.tier[0, p] and not now.is_out()[0, p]
        ]
        told.append(
            {
                "step": stage.step,
                "dropped": out,
                "demoted": behind,
                "first_before": pops[int(was.best()[0])],
                "first": pops[int(now.best()[0])],
            }
        )
    not_up = {p: s.name.lower() for p, s in served.states.items() if s is not State.UP and p in pops}
    told.append(
        {
            "step": "up",
            "not_up": not_up,
            "fail_open": fail_open,
            "first": pops[choice] if choice != NO_POP else None,
        }
    )
    return told


def _answer(
    served: Served, service: Service, qtype: str, choice: int, scope: int, fail_open: bool
) -> dict[str, Any]:
    six = qtype.upper() == "AAAA"
    if choice == NO_POP:
        values = service.ipv6_values if six else service.ipv4_values
    else:
        pop = served.routemap.pops[choice]
        values = pop.ipv6 if six else pop.ipv4
    return {
        "pop": served.world.pops[choice] if choice != NO_POP else None,
        "values": list(values),
        "ttl": service.ttl,
        "scope": scope,
        "all_down": fail_open,
    }


def _runner_up(
    last: Stage, steering: SteeringClass, pops: tuple[str, ...], order: list[int]
) -> dict[str, Any] | None:
    """Say who stands next, and by how much which of the two would have to change."""
    if len(order) < 2:
        return None
    running = last.after
    first = order[0]
    rivals = [p for p in order[1:] if running.tier[0, p] == running.tier[0, first]]
    if not rivals:
        return {"pop": pops[order[1]], "gap_ms": None, "flips": f"only if {pops[first]} is not up"}
    rival = min(rivals, key=lambda p: float(running.score[0, p]))
    own, other = float(running.score[0, first]), float(running.score[0, rival])
    sticky = "sticky" in steering.steer
    at = max(other + GAIN_MS, other / (1 - GAIN_SHARE)) if sticky else other
    twice = ", seen in two successive builds" if sticky else ""
    return {
        "pop": pops[rival],
        "gap_ms": round(other - own, 1),
        "flips": f"when {pops[first]} costs more than {at:.1f} ms (now {own:.1f}){twice}, or is not up",
    }
