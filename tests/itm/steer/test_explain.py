from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors.aggregate import empty
from collectors.places import code_of
from itm.catalog.types import Rule
from itm.cli.why import told
from itm.errors import ExplainMismatch, ItmError
from itm.routemap.health import State
from itm.steer import inputs as inputs_file
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild, build_class
from itm.steer.evidence import Evidence
from itm.steer.explain import WhyQuestion, explain
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of
from itm.steer.residual import Residuals, Shifts
from itm.steer.resolvers import Resolvers
from itm.steer.steps import BUILD_STEPS, Facts, Running
from itm.steer.story import Served
from itm.steer.world import World
from tests.itm.steer.crowds import NOW, crowd, table
from tests.itm.steer.worlds import AMERICA, DUTCH, JAPAN, P50, cells, cut_world, service, world

POPS = tuple(P50)
SLOW_TOKYO = [(JAPAN, "network", "tokyo", 140.0, 30.0, 6), (JAPAN, "network", "osaka", 13.0, 30.0, 6)]


def build(w: World, evidence: Evidence, memory: Memory, share: float = 1.0) -> ClassBuild:
    return build_class(w, evidence, w.classes[0], memory, Limits(3, share))


SHIFTED = Residuals(
    {
        "world": Shifts(np.zeros(1, np.uint64), np.array([[0, 0.1, 0, 0]], np.float32)),
        "country": Shifts(np.array([code_of("JP")], np.uint64), np.array([[0.4, 0, 0, -0.3]], np.float32)),
    }
)


def served(w: World, evidence: Evidence, build: ClassBuild, states: dict[str, State] | None = None) -> Served:
    routemap = routemap_of(w, (build,), 7, 1000.0)
    inputs = Inputs(7, 1, "test", "predictions", 3, evidence, (build.before,), (build.held,))
    return Served(routemap, inputs, w, states or {})


def moved() -> Served:
    w, evidence = world(), Evidence.of(cells(*SLOW_TOKYO), POPS)
    memory = Memory.nothing()
    for e in (Evidence.of(empty(), POPS), evidence):
        memory = build(w, e, memory).after
    return served(w, evidence, build(w, evidence, memory))


def test_the_story_of_a_prediction() -> None:
    """A network nobody measured is explained by its place's prediction."""
    w, evidence = world(), Evidence.of(empty(), POPS)
    story = explain(
        WhyQuestion("GW.example.net", DUTCH), served(w, evidence, build(w, evidence, Memory.nothing()))
    )
    assert story["answer"] == {
        "pop": "ams",
        "values": ["127.20.0.3"],
        "ttl": 20,
        "scope": 16,
        "shares": {},
        "beside": {"network": "193.1.0.0/24", "pop": "tokyo"},
        "all_down": False,
    }
    assert story["row"] == "place"
    best = story["pops"][0]
    assert (best["pop"], best["origin"], best["estimate_ms"], best["interval_ms"]) == (
        "ams",
        "predicted",
        6.0,
        [5.4, 7.2],
    )
    assert [rung["is"] for rung in story["ladder"]][:4:3] == ["193.0.6.0/24", "AS3333"]


def test_the_story_of_a_measured_move() -> None:
    """A network that moved says by how many samples, from which POP, and what would move it back."""
    story = explain(WhyQuestion("gw.example.net", JAPAN), moved())
    assert (story["answer"]["pop"], story["row"], story["answer"]["scope"]) == ("osaka", "network", 24)
    by_pop = {p["pop"]: p for p in story["pops"]}
    assert (by_pop["tokyo"]["origin"], by_pop["tokyo"]["samples"], by_pop["tokyo"]["distinct"]) == (
        "measured",
        30.0,
        6,
    )
    assert by_pop["tokyo"]["estimate_ms"] > 60 > 15 > by_pop["osaka"]["estimate_ms"]
    assert story["runner_up"]["pop"] == "tokyo"
    assert "two successive builds" in story["runner_up"]["flips"]


def test_health_is_told_as_the_last_step() -> None:
    """A drained POP is named by the step `up`, and the answer is what is served instead."""
    w, evidence = world(), Evidence.of(empty(), POPS)
    s = served(w, evidence, build(w, evidence, Memory.nothing()), {"ams": State.DRAINED})
    story = explain(WhyQuestion("gw.example.net", DUTCH), s)
    assert story["steps"][-1] == {
        "step": "up",
        "not_up": {"ams": "drained"},
        "addresses_down": [],
        "fail_open": False,
        "first": "ash",
    }
    assert story["answer"]["pop"] == "ash"


def test_all_down_is_said() -> None:
    """With every POP down the answer is as if all were up, and says so."""
    w, evidence = world(), Evidence.of(empty(), POPS)
    s = served(w, evidence, build(w, evidence, Memory.nothing()), dict.fromkeys(POPS, State.DOWN))
    story = explain(WhyQuestion("gw.example.net", AMERICA), s)
    assert (story["answer"]["pop"], story["answer"]["all_down"]) == ("ash", True)


def test_a_served_leaf_that_cannot_be_reached_again_is_an_error() -> None:
    """If the inputs do not lead to the served leaf, explaining fails loudly."""
    s = moved()
    forged = replace(s.inputs, evidence=Evidence.of(empty(), POPS))
    with pytest.raises(ExplainMismatch, match="map 7, leaf"):
        explain(WhyQuestion("gw.example.net", JAPAN), replace(s, inputs=forged))


def test_the_tail_is_compared_too() -> None:
    """The ranks may agree: what is served when they are all down must be what the rule allows."""
    s = moved()
    (table,) = s.routemap.classes
    for tails, is_wrong in ((table.tails, False), (tuple(tail[::-1] for tail in table.tails), True)):
        cut = replace(table, tails=tails, leaves=table.leaves[:, :2])
        forged = replace(s, routemap=replace(s.routemap, classes=(cut,)))
        with pytest.raises(ExplainMismatch, match="map 7, leaf") if is_wrong else nullcontext():
            explain(WhyQuestion("gw.example.net", JAPAN), forged)


@pytest.mark.parametrize(
    ("name", "client"), [("www.example.net", JAPAN), ("gw.example.net", "not an address")]
)
def test_questions_that_have_no_answer(name: str, client: str) -> None:
    """A name that is not steered and an address that is none are told apart from bugs."""
    with pytest.raises(ItmError, match=r"name:|client:"):
        explain(WhyQuestion(name, client), moved())


def test_every_network_of_a_cut_up_world_is_explained(tmp_path: Path) -> None:
    """Subnet rules, measured networks and prefixes, shifted predictions, held rows: re-running arrives at the
    served leaf, also from inputs that went through the disk."""
    s = service(
        pools=(("us", ("ash",)), ("world", POPS)),
        rules=(Rule(("us", "world"), subnets=("133.11.128.0/17",)), Rule(("world",))),
    )
    w = world(s)
    rows = [
        *SLOW_TOKYO,
        ("193.0.6.1", "prefix", "ams", 90.0, 40.0, 9),
        ("193.0.6.1", "prefix", "ash", 50.0, 40.0, 9),
    ]
    rows += [("133.11.129.1", "network", "ash", 300.0, 40.0, 9), ("8.8.8.8", "place", "ash", 80.0, 40.0, 9)]
    evidence = Evidence.of(cells(*rows), POPS, SHIFTED)
    memory = build(w, Evidence.of(empty(), POPS), Memory.nothing()).after
    rng = np.random.default_rng(1)
    for share in (1.0, 1.0, 0.2):
        b = build(w, evidence, memory, share)
        story_of = served(w, evidence, b)
        inputs_file.save(story_of.inputs, tmp_path)
        story_of = replace(story_of, inputs=inputs_file.load(tmp_path, 7))
        for base in ("133.11", "193.0", "8.8", "10.0"):
            for third in rng.integers(0, 256, 12):
                explain(WhyQuestion("gw.example.net", f"{base}.{third}.9"), story_of)
        for address in (JAPAN, DUTCH, "133.11.129.1", "2001:200::1", "2a00::1"):
            told = explain(WhyQuestion("gw.example.net", address), story_of)
        memory = b.after
    shifts = {rung["rung"]: rung["shifts_percent"] for rung in told["ladder"] if rung["shifts_percent"]}
    assert shifts == {"world": {"osaka": 10.5}}  # nobody knows in which country 2a00::1 is


def crowded(share: float = 1.0) -> Served:
    """A Dutch resolver with Japanese clients, after three builds: the last one may move `share` of them."""
    w, evidence = world(), Evidence.of(cells(*SLOW_TOKYO), POPS)
    rows = [*crowd(DUTCH, {"133.11": 10}), (DUTCH, AMERICA, 3.5)]
    behind = Behind.of(table(*rows, age_days=2.0), NOW, 7.0)
    resolvers = Resolvers.of(w, evidence, behind)
    memory, limits = Memory.nothing(), Limits(3, share)
    for _ in range(3):
        made = build_class(w, evidence, w.classes[0], memory, limits, None, resolvers)
        memory = made.after
    inputs = Inputs(7, 1, "test", "predictions", 3, evidence, (made.before,), (made.held,), behind)
    return Served(routemap_of(w, (made,), 7, 1000.0), inputs, w, {})


@pytest.mark.parametrize("share", [1.0, 0.0])
def test_the_story_of_a_learned_resolver(share: float) -> None:
    """Who sits behind it, how much each weighs, and what they say together; also where it was held."""
    story = explain(WhyQuestion("gw.example.net", resolver=DUTCH), crowded(share))
    assert (story["row"], story["located_by"], story["answer"]["scope"]) == ("resolver", "resolver", 0)
    assert story["answer"]["pop"] == ("osaka" if share else "ams")
    heaviest, *others = story["clients"]
    assert heaviest == {
        "network": "8.8.8.0/24",
        "weight": 2.87,
        "age_days": 2.0,
        "best": "ash",
        "best_ms": 7.0,
    }
    assert {one["network"]: one["best"] for one in others} == {
        f"133.11.{n}.0/24": "osaka" if n == 0 else "tokyo" for n in range(10)
    }
    estimates = {pop["pop"]: pop["estimate_ms"] for pop in story["pops"]}
    assert estimates["ams"] == pytest.approx((10 * 1.0 * 240 + 3.5 * 85) / 13.5, abs=0.1)
    assert all(rung["samples_used"] == 0 for rung in story["ladder"])


def test_the_client_behind_it_is_told_by_its_own() -> None:
    """A question for a client, and for a resolver that nobody was learned behind, goes by the client map."""
    told = crowded()
    for question in (
        WhyQuestion("gw.example.net", client=DUTCH),
        WhyQuestion("gw.example.net", client=DUTCH, resolver=AMERICA),
        WhyQuestion("gw.example.net", resolver="193.0.7.53"),
    ):
        story = explain(question, told)
        assert (story["answer"]["pop"], story["row"], story["clients"]) == ("ams", "place", [])


def test_a_resolver_map_without_its_clients_is_our_fault() -> None:
    """It is told as such, and not explained by something else."""
    told = crowded()
    broken = replace(told, inputs=replace(told.inputs, behind=Behind.nothing()))
    with pytest.raises(ExplainMismatch, match=r"193\.0\.6\.0/24 is in the resolver map"):
        explain(WhyQuestion("gw.example.net", resolver=DUTCH), broken)


def test_shares_are_told_and_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is drawn how often under the health of now; a leaf with other shares is a mismatch."""

    def halved(running: Running, facts: Facts) -> Running:
        return running.but(share=(facts.estimate.rtt < 20).astype(np.float32))

    monkeypatch.setitem(BUILD_STEPS, "sticky", halved)
    w, evidence = world(), Evidence.of(empty(), POPS)
    s = served(w, evidence, build(w, evidence, Memory.nothing()))
    story = explain(WhyQuestion("gw.example.net", JAPAN), s)
    assert story["answer"]["shares"] == {"tokyo": 0.502, "osaka": 0.498}
    assert "drawn per query: tokyo 50%, osaka 50%" in told(story)
    down = explain(WhyQuestion("gw.example.net", JAPAN), replace(s, states={"tokyo": State.DOWN}))
    assert (down["answer"]["pop"], down["answer"]["shares"]) == ("osaka", {"osaka": 1.0})
    (table,) = s.routemap.classes
    forged = replace(table, shares=np.flip(table.shares, axis=1))
    with pytest.raises(ExplainMismatch, match=r"shares \[0, 127, 128\], decided again .*\[128, 127, 0\]"):
        explain(
            WhyQuestion("gw.example.net", JAPAN), replace(s, routemap=replace(s.routemap, classes=(forged,)))
        )


@pytest.mark.parametrize("seed", range(4))
def test_whoever_is_merged_is_proved_to_lose_less_than_the_limit(seed: int) -> None:
    """Every network of a world cut at random: its block's list may stand for its own, or is its own."""
    w, aggregates = cut_world(seed)
    evidence = Evidence.of(aggregates, POPS)
    limits = Limits(3, 1.0, loss_ms=40.0)
    made = build_class(w, evidence, w.classes[0], Memory.nothing(), limits)
    inputs = Inputs(7, 1, "test", "p", 3, evidence, (made.before,), (made.held,), loss_ms=40.0)
    s = Served(routemap_of(w, (made,), 7, 1000.0), inputs, w, {})
    losses = []
    for third in range(0, 512, 3):
        for address in (f"10.{third >> 8}.{third & 255}.1", f"2001:200:{third:x}::1"):
            block = explain(WhyQuestion("gw.example.net", address), s)["merged"]
            losses += [block["loss_ms"]] if block else []
    assert losses
    assert all(loss < 40 for loss in losses)
    exact = build_class(w, evidence, w.classes[0], Memory.nothing(), Limits(3, 1.0))
    assert len(made.table.v4.start) < len(exact.table.v4.start)
    strict = replace(s, inputs=replace(inputs, loss_ms=max(losses) / 2))
    refused = 0
    for third in range(0, 512, 3):  # what was merged by a limit is not excused by a lower one
        with suppress(ExplainMismatch):
            explain(WhyQuestion("gw.example.net", f"10.{third >> 8}.{third & 255}.1"), strict)
            refused -= 1
        refused += 1
    assert refused


def test_a_merged_network_is_told() -> None:
    """What it costs, of what it may, and against whom; and who stands beside the scope."""
    evidence = Evidence.of(
        cells(*((JAPAN, "network", name, ms, 400.0, 90) for name, ms in (("tokyo", 9.0), ("osaka", 6.0)))),
        POPS,
    )
    w = world()
    made = build_class(w, evidence, w.classes[0], Memory.nothing(), Limits(3, 1.0, loss_ms=10.0))
    inputs = Inputs(7, 1, "test", "p", 3, evidence, (made.before,), (made.held,), loss_ms=10.0)
    s = Served(routemap_of(w, (made,), 7, 1000.0), inputs, w, {})
    story = explain(WhyQuestion("gw.example.net", JAPAN), s)
    assert story["merged"] == {"instead_of": "osaka", "loss_ms": 3.0, "limit_ms": 10.0}
    assert "costs 3 ms of 10 against osaka" in told(story)
    assert story["answer"]["pop"] == "tokyo"
    assert story["answer"]["scope"] < 16  # what is nobody's takes what its neighbours have
    assert (story["runner_up"]["pop"], story["runner_up"]["gap_ms"]) == ("osaka", -3.0)
