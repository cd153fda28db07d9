"""How one answer is told: each part of what `why` shows, JSON-ready, from one decided case."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from collectors.network import Network
from itm.catalog.types import Catalog, Service
from itm.routemap.health import State
from itm.routemap.mask import is_calm, portions_of, reachable
from itm.routemap.routemap import NO_POP, RouteMap
from itm.steer.behind import Behind
from itm.steer.classes import SteeringClass
from itm.steer.decide import Stage
from itm.steer.inputs import Inputs
from itm.steer.one import Row
from itm.steer.resolvers import estimate_clients
from itm.steer.stepnotes import Turn, note
from itm.steer.steps import Facts, Running
from itm.steer.steps.fastest import band, handicap_ms
from itm.steer.steps.sticky import least_gain
from itm.steer.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """The live map with what it was decided from, and the health of now.

    `live` is the catalog of its names, TTLs and values, where a canary's world decided; None: the world's.
    """

    routemap: RouteMap
    inputs: Inputs
    world: World
    states: dict[str, State]
    down: frozenset[str] = frozenset()
    live: Catalog | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """A row that is answered as its block: the POP it would have `first` by itself, and what it may lose."""

    first: int
    limit_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One network's decision run again: `order` is the served list, `choice` what health leaves of it;
    `shares` of its first ranks, in 255ths, where several POPs are answered; `merged` where the
    list is its block's.

    `behind` are the clients of a resolver that the resolver map decided, None where the client map did.
    """

    served: Served
    service: Service
    steering: SteeringClass
    network: Network
    row: Row
    behind: Behind | None
    facts: Facts
    stages: list[Stage]
    leaf: int
    scope: int
    order: list[int]
    merged: Merged | None
    shares: list[int]
    choice: int
    fail_open: bool

    @property
    def pops(self) -> tuple[str, ...]:
        """POP ids by index."""
        return self.served.world.pops


def ladder(case: Case) -> list[dict[str, Any]]:
    """Tell the network's rungs: how many samples of each the decision drew on, what the wide ones shift."""
    told = []
    evidence = case.served.inputs.evidence
    for rung in case.served.world.ladder.describe(case.network):
        own = evidence.rungs.get(rung.rung)
        at = int(own.rows(case.row.keys[rung.rung])[0]) if own is not None else -1
        samples = round(float(own.measured.n[at].sum()), 1) if own is not None and at >= 0 else 0.0
        shifts = _shifts(case, rung.rung)
        told.append({"rung": rung.rung, "is": rung.text, "samples_used": samples, "shifts_percent": shifts})
    return told


def _shifts(case: Case, rung: str) -> dict[str, float]:
    """Return by how much a wide rung shifts the predictions of POPs, in per cent, of those that it shifts."""
    own = case.served.inputs.evidence.residuals.rungs.get(rung)
    if own is None:
        return {}
    factors = np.expm1(own.of(case.row.keys[rung])[0])
    return {pop: round(100 * float(f), 1) for pop, f in zip(case.pops, factors, strict=True) if f}


def clients(case: Case, behind: Behind) -> list[dict[str, Any]]:
    """Tell who sits behind the resolver, the heaviest first, and the POP that would be the best for each."""
    own = estimate_clients(case.served.world, case.served.inputs.evidence, behind.client)
    allowed = ~case.stages[-1].after.is_out()[0]
    cost = np.where(allowed, own.rtt + case.facts.pops.bias_ms, np.float32(np.inf))
    best = cost.argmin(axis=1)
    order = np.lexsort((behind.client, -behind.weight))
    return [
        {
            "network": str(Network.of_key(int(behind.client[c]))),
            "weight": round(float(behind.weight[c]), 2),
            "age_days": round(float(behind.age_days[c]), 1),
            "best": case.pops[best[c]],
            "best_ms": round(float(own.rtt[c, best[c]]), 1),
        }
        for c in order
    ]


def pops(case: Case) -> list[dict[str, Any]]:
    """Tell what is believed of every POP, in the order in which they would be served."""
    left = (p for p in range(len(case.pops)) if p not in case.order)
    last = case.stages[-1].after
    in_band, out = band(last)[0], last.is_out()[0]
    return [
        _pop(case, p) | {"in_band": bool(in_band[p] and not out[p]), "out": bool(out[p])}
        for p in (*case.order, *left)
    ]


def _pop(case: Case, p: int) -> dict[str, Any]:
    estimate, world = case.facts.estimate, case.served.world
    cell = world.places.cell[case.row.place]
    availability = float(estimate.availability[0, p])
    slower = case.served.inputs.evidence.slowdowns.of_places(case.row.keys["place"])
    return {
        "pop": case.pops[p],
        "estimate_ms": round(float(estimate.rtt[0, p]), 1),
        "interval_ms": [round(float(estimate.low[0, p]), 1), round(float(estimate.high[0, p]), 1)],
        "unsteady_ms": round(float(estimate.unsteady_ms[0, p]), 1),
        "slower_ms": 0.0 if slower is None else round(float(slower[0][0, p]), 1),
        "predicted_ms": round(float(world.predictions[1, cell, p]), 1),
        "origin": estimate.origin(0, p, placed=bool(cell)),
        "samples": round(float(estimate.n[0, p]), 1),
        "distinct": int(estimate.distinct[0, p]),
        "availability": None if availability != availability else round(availability, 3),
        "bias_ms": float(case.facts.pops.bias_ms[p]),
        "handicap_ms": round(float(handicap_ms(case.facts)[0, p]), 1),
        "leg_ms": float(case.facts.pops.leg_ms[p]),
        "cost": case.served.world.catalog.pops[p].cost,
        "health": case.served.states.get(case.pops[p], State.UP).name.lower(),
    }


def capacity(case: Case) -> dict[str, Any] | None:
    """Tell how full the candidates were to be, and what this row was granted; None: no POP can be full.

    `granted` is empty where the row gets what its chain says; `spare` is who was put second.
    """
    outlook, granted = case.served.inputs.outlook, case.facts.granted
    if outlook is None:
        return None
    shares = {} if granted is None else {p: float(granted.share[0, p]) for p in case.order}
    spare = NO_POP if granted is None else int(granted.spare[0])
    known = outlook["pops"]
    return {
        "sessions": outlook["sessions"],
        "above": outlook["above"],
        "pops": {case.pops[p]: known[case.pops[p]] for p in case.order if case.pops[p] in known},
        "granted": {case.pops[p]: round(share, 4) for p, share in shares.items() if share},
        "spare": None if spare == NO_POP else case.pops[spare],
    }


def steps(case: Case) -> list[dict[str, Any]]:
    """Tell what every step dropped, demoted and put first; health acts last, at answer time."""
    told = [_step(case, before.after, stage) for before, stage in pairwise(case.stages)]
    states = case.served.states.items()
    not_up = {pop: s.name.lower() for pop, s in states if s is not State.UP and pop in case.pops}
    first = case.pops[case.choice] if case.choice != NO_POP else None
    addresses = sorted(case.served.down)
    told.append(
        {
            "step": "up",
            "not_up": not_up,
            "addresses_down": addresses,
            "fail_open": case.fail_open,
            "first": first,
        }
    )
    return told


def _step(case: Case, was: Running, stage: Stage) -> dict[str, Any]:
    now = stage.after
    is_out, was_out = now.is_out()[0], was.is_out()[0]
    behind = (now.tier[0] > was.tier[0]) & ~is_out
    return {
        "step": stage.step,
        "dropped": [pop for p, pop in enumerate(case.pops) if is_out[p] and not was_out[p]],
        "demoted": [pop for p, pop in enumerate(case.pops) if behind[p]],
        "first_before": _first(case, was),
        "first": _first(case, now),
        "note": note(stage.step, _turn(case, was, now)),
    }


def _turn(case: Case, was: Running, now: Running) -> Turn:
    return Turn(case.served.world, case.steering, case.network, case.row.place, case.facts, was, now)


def _first(case: Case, running: Running) -> str | None:
    best = int(running.best()[0])
    return None if running.is_out()[0, best] else case.pops[best]


def rest(case: Case) -> dict[str, Any]:
    """Tell whether the row rests after a move, and the POP that it does not go back to yet."""
    found = case.facts.rest
    if found is None:
        return {"is_resting": False, "not_back_to": None}
    left = int(found.left[0])
    return {
        "is_resting": bool(found.is_resting[0]),
        "not_back_to": case.pops[left] if left < len(case.pops) else None,
    }


def answer(case: Case, qtype: str) -> dict[str, Any]:
    """Tell what is answered: a POP's addresses, or the last-resort values where no POP is allowed."""
    pop = case.served.routemap.pops[case.choice] if case.choice != NO_POP else None
    holder = reachable(pop, case.served.down) if pop is not None else None
    if qtype.upper() == "AAAA":
        values = holder.ipv6 if holder else case.service.ipv6_values
    else:
        values = holder.ipv4 if holder else case.service.ipv4_values
    states = [case.served.states.get(name, State.UP) for name in case.pops]
    portions = portions_of(case.order, states, case.shares)
    served = case.served.routemap.service(case.service.name)
    ttl = case.served.routemap.classes[served.class_index].ttl_of(case.leaf)
    return {
        "pop": holder.id if holder else None,
        "values": list(values),
        "shares": {case.pops[p]: round(share, 4) for p, share in portions.items()},
        "ttl": served.ttls[ttl if is_calm(case.order, states, case.shares) else 0],
        "scope": case.scope,
        "beside": beside(case),
        "all_down": case.fail_open,
    }


def beside(case: Case) -> dict[str, Any] | None:
    """Tell who bounds the scope: a network in the prefix one bit wider that is answered otherwise."""
    if not case.scope:
        return None
    routemap, family = case.served.routemap, case.network.family
    one = routemap.classes[routemap.service(case.service.name).class_index]
    table = one.v4 if family == 4 else one.v6
    half = 1 << (table.bits - case.scope)
    first = (case.network.unit // half * half) ^ half
    run = int(np.searchsorted(table.start, first, side="right")) - 1
    is_own = int(table.leaf[run]) == case.leaf
    unit = int(table.start[run + 1]) if is_own else first
    order = one.order_of(table.lookup(unit)[0])
    return {"network": str(Network(family, unit)), "pop": case.pops[order[0]] if order else None}


def merged(case: Case) -> dict[str, Any] | None:
    """Tell what it costs that the row is answered as its block, of what it may; None where it has its own."""
    if case.merged is None:
        return None
    score = case.stages[-1].after.score[0]
    loss = float(score[case.order[0]] - score[case.merged.first])
    return {
        "instead_of": case.pops[case.merged.first],
        "loss_ms": round(loss, 1),
        "limit_ms": case.merged.limit_ms,
    }


def runner_up(case: Case) -> dict[str, Any] | None:
    """Tell who stands next, and by how much which of the two would have to change."""
    if len(case.order) < 2:
        return None
    last, first = case.stages[-1].after, case.order[0]
    name = case.pops[first]
    if case.merged is not None and case.merged.first != first:
        lead = float(last.score[0, case.merged.first] - last.score[0, first])
        return {
            "pop": case.pops[case.merged.first],
            "gap_ms": round(lead, 1),
            "flips": f"when {name} costs {case.merged.limit_ms:g} ms more, or its neighbours change",
        }
    if case.choice != first:
        gap = float(last.score[0, first] - last.score[0, case.choice])
        return {"pop": name, "gap_ms": round(gap, 1), "flips": "as soon as its health is the better again"}
    level = (last.tier[0] == last.tier[0, first]) & (last.order[0] == last.order[0, first])
    rivals = [p for p in case.order[1:] if level[p]]
    if not rivals:
        return {"pop": case.pops[case.order[1]], "gap_ms": None, "flips": f"only if {name} is not up"}
    rival = min(rivals, key=lambda p: float(last.score[0, p]))
    own, other = float(last.score[0, first]), float(last.score[0, rival])
    sticky = "sticky" in case.steering.steer
    weight = case.facts.estimate.weight[0]
    at = other + least_gain(other, bool(weight[first]), bool(weight[rival])) if sticky else other
    certain = " for certain" if weight[first] or weight[rival] else ""
    twice = f"{certain}, seen in two successive builds" if sticky else ""
    return {
        "pop": case.pops[rival],
        "gap_ms": round(other - own, 1),
        "flips": f"when {name} costs more than {at:.1f} ms (now {own:.1f}){twice}, or is not up",
    }
