"""Why a client gets the answer it gets: the decision run again for one network, and compared.

Reads only what the published map was made from (inputs, catalog version, prediction) and the health
table; an outcome other than the served leaf is `ExplainMismatch`, our own bug, and never smoothed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from collectors.network import Network
from itm.catalog.types import Catalog, Service
from itm.errors import ExplainMismatch, ItmError
from itm.routemap.health import State
from itm.routemap.routemap import NO_POP, ClassMap
from itm.steer import story
from itm.steer.behind import Behind
from itm.steer.classes import SteeringClass
from itm.steer.decide import Decision, decide, trail
from itm.steer.grants import Granted
from itm.steer.inputs import Inputs
from itm.steer.one import Row, facts_of, row_of
from itm.steer.ranks import put_first
from itm.steer.resolvers import Resolvers, Standing
from itm.steer.resolvers import facts_of as facts_of_resolvers
from itm.steer.standins import holds
from itm.steer.steps import Facts, Terms, up
from itm.steer.story import Case, Merged, Served
from itm.steer.terms import tail_of, terms_of
from itm.steer.world import World


@dataclass(frozen=True, slots=True)
class WhyQuestion:
    """What is asked: a steered name, and a client (as ECS would carry it) or only a resolver."""

    name: str
    client: str = ""
    resolver: str = ""
    qtype: str = "A"


def explain(question: WhyQuestion, served: Served, clock: Callable[[], float] = time.time) -> dict[str, Any]:
    """Return the whole story as JSON-ready data.

    Raises `ItmError` for a name that is not steered or an address that is none, `ExplainMismatch` when
    the decision run again does not give the served leaf.
    """
    case = _decided_again(question, served)
    behind = case.behind
    routemap = served.routemap
    return {
        "name": case.service.name,
        "type": question.qtype,
        "network": str(case.network),
        "located_by": "client" if question.client else "resolver",
        "map": {
            "version": routemap.version,
            "age_seconds": round(clock() - routemap.built_at, 1),
            "catalog_version": routemap.catalog_version,
            "basis": routemap.basis,
            "leaf": case.leaf,
        },
        "ladder": story.ladder(case),
        "row": case.row.kind,
        "clients": story.clients(case, behind) if behind is not None else [],
        "rest": story.rest(case),
        "access_ms": round(float(case.facts.estimate.access_ms[0]), 1),
        "pops": story.pops(case),
        "capacity": story.capacity(case),
        "steps": story.steps(case),
        "candidates": [case.pops[p] for p in case.order],
        "merged": story.merged(case),
        "answer": story.answer(case, question.qtype),
        "credit": served.world.places.credit,
        "runner_up": story.runner_up(case),
    }


def _decided_again(question: WhyQuestion, served: Served) -> Case:
    world, inputs = served.world, served.inputs
    service, network = _service(question.name, served.live or world.catalog), network_of(question)
    index = world.class_index[service.name]
    steering = world.classes[index]
    table = served.routemap.classes[served.routemap.service(service.name).class_index]
    terms = _terms(world, inputs, steering, index)
    row = row_of(world, inputs.evidence, steering, network)
    leaf, scope = table.lookup(network.family, network.unit)
    own = None if question.client else table.resolver_leaf(network.family, network.unit)
    behind = None
    if own is None:
        facts = facts_of(world, inputs.evidence, terms, inputs.memories[index], row)
    else:
        behind = _behind(served, network)
        resolvers = Resolvers.of(world, inputs.evidence, behind)
        standing = Standing(np.array([row.rule], np.uint8), table.leaves[[leaf], 0])
        facts = facts_of_resolvers(world, resolvers, standing, terms, inputs.memories[index])
        unused = {rung: np.zeros(1, np.uint64) for rung in row.keys}
        row, leaf = replace(row, kind="resolver", key=int(resolvers.keys[0]), keys=unused), own
    granted = inputs.granted[index] if inputs.granted else Granted.nothing()
    facts = replace(facts, granted=granted.facts(np.array([row.key], np.uint64), len(world.pops)))
    order, merged = _checked_order(served, table, facts, steering, row, leaf)
    shares = table.shares_of(leaf)
    choice, fail_open = up(order, [served.states.get(p, State.UP) for p in world.pops], shares)
    return Case(
        served=served,
        service=service,
        steering=steering,
        network=network,
        row=row,
        behind=behind,
        facts=facts,
        stages=trail(facts, steering.steer),
        leaf=leaf,
        scope=scope if question.client else 0,  # without a client subnet there is no scope to tell
        order=order,
        merged=merged,
        shares=shares,
        choice=choice,
        fail_open=fail_open,
    )


def _terms(world: World, inputs: Inputs, steering: SteeringClass, index: int) -> Terms:
    """Return the terms that the build had; the release before knew neither legs nor own steps."""
    legs, own = inputs.legs or None, inputs.own or ((),) * len(inputs.memories)
    return terms_of(world, steering, None if legs is None else legs[index], own[index])


def _behind(served: Served, network: Network) -> Behind:
    """Return who sits behind a resolver of the resolver map."""
    row = served.inputs.behind.row_of(network)
    if row is None:
        raise ExplainMismatch(
            f"map {served.routemap.version}: {network} is in the resolver map, its clients are in no inputs"
        )
    return served.inputs.behind.rows(row, row + 1)


def _service(name: str, catalog: Catalog) -> Service:
    absolute = name.lower().rstrip(".") + "."
    for service in catalog.services:
        if service.name == absolute:
            return service
    known = ", ".join(s.name for s in catalog.services) or "none"
    raise ItmError(f"name: {absolute} is not a steered name (steered: {known})")


def network_of(question: WhyQuestion) -> Network:
    """Return whose network is asked about: the client's, or the resolver's. Raises `ItmError`."""
    try:
        return Network.of(question.client or question.resolver)
    except ValueError as error:
        raise ItmError(f"{'client' if question.client else 'resolver'}: {error}") from error


def _checked_order(
    served: Served, table: ClassMap, facts: Facts, steering: SteeringClass, row: Row, leaf: int
) -> tuple[list[int], Merged | None]:
    """Return the served order, proved equal to the one decided again, and so its shares and TTL.

    Where the leaf is its block's and not the row's own, it is proved that it may stand for it.
    """
    inputs = served.inputs
    decision = decide(facts, steering.steer, inputs.candidates, loss_ms=inputs.loss_ms)
    if facts.granted is not None:
        decision = replace(decision, stand_ins=decision.stand_ins * np.uint64(0))
    if np.isin(np.uint64(row.key), inputs.held[served.world.classes.index(steering)]):
        ranks = put_first(decision.ranks, facts.previous)
        none = {name: getattr(decision, name) * 0 for name in ("shares", "stand_ins", "ttl")}
        decision = replace(decision, ranks=ranks, **none)
    ranked = [int(p) for p in decision.ranks[0] if p != NO_POP]
    tail = [int(p) for p in tail_of(facts.tiers[0], facts.terms.rules.common[facts.rule[0]])]
    again = ranked + [p for p in tail if p not in ranked]
    own, shares = table.order_of(leaf), table.shares_of(leaf)
    pops = served.world.pops
    told = [pops[p] for p in own], shares, table.ttl_of(leaf)
    mine = decision.shares[0].tolist() if decision.shares.any() else []
    found = [pops[p] for p in again], mine, int(decision.ttl[0])
    if told == found:
        return own, None
    is_tail = table.tails[table.leaf_tail[leaf]].tolist() == tail
    may = is_tail and not shares and table.ttl_of(leaf) <= decision.ttl[0] and _may_stand(own, decision)
    if may and row.kind != "resolver":
        return own, Merged(ranked[0], inputs.loss_ms)
    raise ExplainMismatch(
        f"map {served.routemap.version}, leaf {leaf}: served {_told(*told)}, decided again {_told(*found)}"
    )


def _may_stand(order: list[int], decision: Decision) -> bool:
    """Say whether a block's list may stand for a row: by its first two POPs, and that nobody is missing."""
    if not decision.stand_ins.shape[1] or len(order) < 2:
        return False
    first, second = np.split(decision.stand_ins, 2, axis=1)
    pair = np.array(order[:2], dtype=np.uint16)
    return bool(holds(first, pair[:1])[0] and holds(second, pair[1:])[0])


def _told(order: list[str], shares: list[int], ttl: int) -> str:
    """Tell a leaf: its POPs in order, then what is not as usual about it."""
    return f"{order}" + (f", shares {shares}" if shares else "") + (f", TTL class {ttl}" if ttl else "")
