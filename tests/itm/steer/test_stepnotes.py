from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itm.catalog.types import Location, Margin, Rule, Tuning
from itm.steer.build import build_class
from itm.steer.evidence import Evidence
from itm.steer.explain import WhyQuestion, explain
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of
from itm.steer.story import Served
from itm.steer.world import World
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, POPS, service, world

TOKYO_LEG = Location("desk", "JP", 35.7, 139.7)
POOLS = (("asia", ("tokyo", "osaka")), ("west", ("ams", "ash")))


def notes(w: World, client: str = DUTCH) -> dict[str, str]:
    """What every step of a first build went by, for one client; the map must be the one decided again."""
    evidence = Evidence.nothing(len(w.pops))
    build = build_class(w, evidence, w.classes[0], Memory.nothing(), Limits(3, 1.0))
    inputs = Inputs(7, 1, "test", "predictions", 3, evidence, (build.before,), (build.held,))
    inputs = replace(inputs, legs=(build.terms.pops.leg_ms,))
    served = Served(routemap_of(w, (build,), 7, 1000.0), inputs, w, {})
    told = explain(WhyQuestion("gw.example.net", client), served)
    return {step["step"]: step.get("note", "") for step in told["steps"]}


@pytest.mark.parametrize(
    ("rule", "by"),
    [
        (Rule(("west",), subnets=("193.0.0.0/16",)), "193.0.0.0/16"),
        (Rule(("west",), asns=(3333,)), "AS3333"),
        (Rule(("west",), geos=("EU",)), "EU"),
        (Rule(("west",), geos=("EU-NL",)), "EU-NL"),
    ],
)
def test_allowed_says_which_condition_holds(rule: Rule, by: str) -> None:
    """A subnet, an AS, a continent or a country: and everybody where none is asked for."""
    w = world(service(pools=POOLS, rules=(rule, Rule(("asia", "west")))))
    assert notes(w)["allowed"] == f"rules[0] holds by {by}: west"
    assert notes(w, AMERICA)["allowed"] == "rules[1] holds by everybody: asia, west"


def test_allowed_says_who_lacks_a_tag() -> None:
    """Residency bars POPs that a pool names."""
    pops = (*POPS[:3], replace(POPS[3], tags=("eea",)))
    w = world(service(pools=POOLS, rules=(Rule(("west",)),), require_tags=("eea",)), pops=pops)
    assert notes(w)["allowed"].endswith("holds by everybody: west; without eea: ams")


def test_the_numbers_of_a_service_are_told() -> None:
    """Its threshold, handicaps in ms, prices within the trade."""
    tuning = Tuning(threshold=0.95, samples=50, pop_handicaps=(("ams", Margin(share=0.5)),), trade=Margin(80))
    pops = tuple(replace(pop, cost=float(9 - n)) for n, pop in enumerate(POPS))
    steer = ("up", "allowed", "available", "fastest", "cost", "first")
    told = notes(world(service(tuning=tuning, steer=steer), pops=pops))
    assert told["available"] == "at least 95% of 50 fetches or more"
    assert told["fastest"] == "band 5.0 ms; handicap of ams +3.0 ms"
    assert told["cost"] == "within the trade: ash costs 6, ams costs 7"
    assert told["first"] == "it is the only candidate"


def test_joint_tells_its_gain_over_the_client_s_leg_alone() -> None:
    """For whom it changes the POP, and for whom not."""
    steered = service(steer=("up", "fastest", "joint"), tuning=Tuning(locations=(TOKYO_LEG,)))
    leg = np.array([[P50[pop][1] for pop in P50]] * 3, dtype=np.float32)
    w = replace(world(steered), leg_predictions={TOKYO_LEG: leg})
    assert notes(w)["joint"] == (
        "with the leg to desk 11.0 ms shorter than by ams, the best by the client's alone"
    )
    assert notes(w, JAPAN)["joint"] == "with the leg to desk; the client's leg alone would choose the same"


def test_shares_and_a_strict_order_are_told() -> None:
    """As the build made them."""
    weights = Tuning(weights=(("asia", (3.0, 1.0)),))
    shared = service(
        pools=POOLS, rules=(Rule(("asia", "west")),), steer=("up", "allowed", "weighted"), tuning=weights
    )
    assert notes(world(shared))["weighted"] == "tokyo 75%, osaka 25%"
    near = service(steer=("up", "fastest", "weighted"))
    assert notes(world(near))["weighted"] == "nobody is equal to the first"
    strict = service(pools=POOLS, rules=(Rule(("asia", "west")),), steer=("up", "failover"))
    assert notes(world(strict))["failover"] == "as written: tokyo, osaka, ams, ash"
