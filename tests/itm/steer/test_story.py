from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from collectors.ladder import RUNGS
from itm.catalog.types import Rule
from itm.routemap.health import State
from itm.steer.build import build_class
from itm.steer.evidence import Evidence
from itm.steer.explain import WhyQuestion, explain
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.moves import Moves
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of
from itm.steer.story import Served
from itm.steer.world import World
from tests.itm.steer.worlds import JAPAN, P50, cells, pop, service, world

POPS = tuple(P50)


def story(
    w: World,
    *measured: tuple[str, str, str, float, float, int],
    client: str = JAPAN,
    qtype: str = "A",
    states: dict[str, State] | None = None,
) -> dict[str, Any]:
    """The story of one client's answer after a first build."""
    evidence = Evidence.of(cells(*measured), w.pops) if measured else Evidence.nothing(len(w.pops))
    build = build_class(w, evidence, w.classes[0], Memory.nothing(), Limits(3, 1.0))
    inputs = Inputs(7, 1, "test", "predictions", 3, evidence, (build.before,), (build.held,))
    served = Served(routemap_of(w, (build,), 7, 1000.0), inputs, w, states or {})
    return explain(WhyQuestion("gw.example.net", client, qtype=qtype), served, lambda: 1060.0)


def test_the_ladder_tells_which_samples_counted() -> None:
    """A place's samples count for its networks; another network's do not."""
    told = story(
        world(), (JAPAN, "place", "tokyo", 9.0, 30.0, 9), ("133.11.7.1", "network", "ams", 9.0, 40.0, 9)
    )
    used = {rung["rung"]: rung["samples_used"] for rung in told["ladder"]}
    assert used == {
        "network": 0, "prefix": 0, "place": 30, "as": 0, "country": 0, "continent": 0, "world": 0
    }  # fmt: skip


def test_every_pop_is_told_in_the_order_of_service() -> None:
    """Candidates, then the tail, then who is not allowed."""
    w = world(service(pools=(("some", ("ash", "osaka", "ams")),), rules=(Rule(("some",)),)))
    told = story(w)
    assert told["candidates"] == ["osaka", "ash", "ams"]
    assert [(p["pop"], p["out"]) for p in told["pops"]] == [
        ("osaka", False),
        ("ash", False),
        ("ams", False),
        ("tokyo", True),
    ]
    assert [p["in_band"] for p in told["pops"]] == [True, False, False, False]


def test_steps_tell_what_they_did() -> None:
    """`allowed` drops, pools of failover stand behind, `fastest` puts another one first."""
    w = world(service(pools=(("eu", ("ams", "ash")), ("jp", ("osaka",))), rules=(Rule(("eu", "jp")),)))
    steps = {s["step"]: s for s in story(w)["steps"]}
    assert list(steps) == ["allowed", "available", "fastest", "capacity", "sticky", "up"]
    assert steps["allowed"]["dropped"] == ["tokyo"]
    assert steps["allowed"]["demoted"] == ["osaka"]
    assert (steps["fastest"]["first_before"], steps["fastest"]["first"]) == ("ams", "ash")
    assert steps["up"] == {
        "step": "up", "not_up": {}, "addresses_down": [], "fail_open": False, "first": "ash",
    }  # fmt: skip


def test_where_nobody_is_allowed_nobody_is_first() -> None:
    """The last-resort values are the answer, of the family that was asked for."""
    w = world(service(require_tags=("x",), ipv4_values=("192.0.2.1",), ipv6_values=("2001:db8::1",)))
    told = story(w)
    assert [s["first"] for s in told["steps"]] == [None] * 6
    assert (told["answer"]["pop"], told["answer"]["values"]) == (None, ["192.0.2.1"])
    assert story(w, qtype="AAAA")["answer"]["values"] == ["2001:db8::1"]
    assert told["runner_up"] is None
    assert told["candidates"] == []


def test_an_answer_has_the_addresses_of_its_family() -> None:
    """AAAA is answered with the POP's IPv6 addresses."""
    assert story(world(), qtype="AAAA")["answer"]["values"] == ["2001:db8:20::1"]
    assert story(world())["answer"]["values"] == ["127.20.0.1"]


@pytest.mark.parametrize(
    ("steer", "flips"),
    [
        (("up", "allowed", "fastest"), "when tokyo costs more than 12.0 ms (now 5.0), or is not up"),
        (
            ("up", "allowed", "fastest", "sticky"),
            "when tokyo costs more than 22.0 ms (now 5.0), seen in two successive builds, or is not up",
        ),
    ],
)
def test_what_would_flip_the_answer(steer: tuple[str, ...], flips: str) -> None:
    """The runner-up and the price at which it would win; a sticky chain demands a larger gain, twice."""
    assert story(world(service(steer=steer)))["runner_up"] == {"pop": "osaka", "gap_ms": 7.0, "flips": flips}


def test_a_pop_alone_in_its_pool_is_left_only_for_its_health() -> None:
    """Whoever stands next is of another pool: no time would make it first."""
    w = world(service(pools=(("eu", ("ams",)), ("jp", ("tokyo",))), rules=(Rule(("eu", "jp")),)))
    expected = {"pop": "tokyo", "gap_ms": None, "flips": "only if ams is not up"}
    assert story(w)["runner_up"] == expected


def test_bias_and_age_are_told() -> None:
    """As the catalog has the one, and by the clock of now the other."""
    told = story(world(pops=(pop("tokyo", 1, bias=2.5), *world().catalog.pops[1:])))
    assert {p["pop"]: p["bias_ms"] for p in told["pops"]}["tokyo"] == 2.5
    assert told["map"]["age_seconds"] == 60.0


def test_a_rival_of_another_price_or_place_in_the_order_is_none() -> None:
    """No round trip brings it forward: only the first's death does."""
    told = story(world(service(steer=("up", "failover"))))["runner_up"]
    assert told == {"pop": "osaka", "gap_ms": None, "flips": "only if tokyo is not up"}


def test_a_row_that_moved_of_late_says_so() -> None:
    """Whether it rests, and where it does not go back to yet."""
    assert story(world())["rest"] == {"is_resting": False, "not_back_to": None}
    w, evidence = world(), Evidence.nothing(len(P50))
    key = w.ladder.keys(np.array([4], np.uint8), np.array([0x850B00], np.uint64))[:, RUNGS.index("place")]
    moved = Moves(key, np.array([900.0]), np.array([1], np.uint16), np.zeros(1, np.uint8))
    for now, expected in ((1000.0, (True, "osaka")), (2000.0, (False, "osaka")), (5000.0, (False, None))):
        memory = replace(Memory.nothing(), pops=w.pops, moves=moved).read_at(now)
        build = build_class(w, evidence, w.classes[0], memory, Limits(3, 1.0))
        inputs = Inputs(7, 1, "test", "predictions", 3, evidence, (build.before,), (build.held,))
        served = Served(routemap_of(w, (build,), 7, 1000.0), inputs, w, {})
        rest = explain(WhyQuestion("gw.example.net", JAPAN), served)["rest"]
        assert (rest["is_resting"], rest["not_back_to"]) == expected
