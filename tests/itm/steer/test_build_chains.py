"""Whole chains in worlds cut at random: what `why` decides again is what was built, in parts or whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.network import Network
from itm.catalog.types import Location, Margin, Tuning
from itm.steer.build import build_class
from itm.steer.evidence import Evidence
from itm.steer.explain import WhyQuestion, explain
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of
from itm.steer.story import Served
from itm.steer.world import World
from tests.itm.steer.worlds import P50, cut_world

HOME = Location("home", "JP", 35.7, 139.7, network="10.0.7.0/24")
CHAINS = (
    ("up", "allowed", "available", "fastest", "joint", "cost", "weighted", "sticky", "first"),
    ("up", "allowed", "fastest", "joint", "sticky"),
    ("up", "available", "fastest", "cost", "sticky"),
    ("up", "allowed", "weighted"),
    ("up", "available", "failover"),
)
TUNING = Tuning(
    pop_handicaps=(("ams", Margin(share=0.1)),),
    pool_handicaps=(("asia", Margin(ms=4)),),
    weights=(("asia", (3.0, 1.0)), ("west", (1.0, 5.0))),
    locations=(HOME,),
    trade=Margin(ms=30),
)


def world_of(seed: int, steer: tuple[str, ...]) -> tuple[World, Evidence]:
    one, aggregates = cut_world(seed)
    service = replace(one.catalog.services[0], steer=steer, tuning=TUNING)
    pops = tuple(replace(pop, cost=float(n % 3)) for n, pop in enumerate(one.catalog.pops))
    leg = np.array([[P50[pop][1] for pop in P50]] * 3, dtype=np.float32)
    catalog = replace(one.catalog, services=(service,), pops=pops)
    w = replace(one, catalog=catalog, leg_predictions={HOME: leg})
    return w, Evidence.of_world(aggregates, w)


@pytest.mark.parametrize("steer", CHAINS)
def test_every_row_of_a_chain_is_explained(steer: tuple[str, ...]) -> None:
    """After two builds, with something served before: ranks, shares and TTL, or `explain` raises."""
    w, evidence = world_of(5, steer)
    limits = Limits(3, 1.0)
    before = build_class(w, Evidence.nothing(4), w.classes[0], Memory.nothing(), limits)
    made = build_class(w, evidence, w.classes[0], before.after, limits)
    inputs = Inputs(7, 1, "test", "predictions", 3, evidence, (made.before,), (made.held,))
    inputs = replace(inputs, legs=(made.terms.pops.leg_ms,))
    served = Served(routemap_of(w, (made,), 7, 1000.0), inputs, w, {})
    for third in range(0, 512, 37):
        client = str(Network.of(f"10.{third >> 8}.{third & 255}.9"))
        told = [step["step"] for step in explain(WhyQuestion("gw.example.net", client), served)["steps"]]
        assert told == [*steer[1:], "up"]


@pytest.mark.parametrize("steer", CHAINS)
def test_an_incremental_build_of_a_chain_equals_a_full_one(steer: tuple[str, ...]) -> None:
    """Also where the leg was measured in the meantime."""
    w, evidence = world_of(6, steer)
    limits = Limits(3, 1.0)
    before = build_class(w, Evidence.nothing(4), w.classes[0], Memory.nothing(), limits)
    full, part = (
        build_class(w, evidence, w.classes[0], before.after, limits, last) for last in (None, before)
    )
    assert np.array_equal(full.decision.ranks, part.decision.ranks)
    assert np.array_equal(full.decision.shares, part.decision.shares)
    assert np.array_equal(full.decision.joint_ms, part.decision.joint_ms)
