"""A public resolver that names no clients and stands far from most of them, with and without the map."""

from __future__ import annotations

from dataclasses import replace

from itm.simulate.faults.resolving import Resolving
from itm.simulate.faults.scenario import Phase, Scenario

SCENARIO = Scenario(
    name="far-resolver",
    title="Four of ten networks ask a public resolver with eight sites in the world that names no clients.",
    minutes=240,
    phases=(Phase("first hour", 0, 60), Phase("after", 60, 240)),
    resolving=Resolving(ecs=0.25, far=0.40),
)

UNMAPPED = replace(
    SCENARIO,
    name="far-resolver-unmapped",
    title=f"{SCENARIO.title} Nobody learns who is behind it.",
    resolver_map=False,
)
