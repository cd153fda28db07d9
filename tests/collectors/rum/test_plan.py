import math
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from collectors.rum.plan import BEST, CURRENT, DRAWN, THIN, TOP, Candidate, Planned, choose_session

RTT = (30.0, 10.0, 12.0, 14.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 180.0, 11.0)
NEAR = tuple(Candidate(f"p{number}", ms, 5.0) for number, ms in enumerate(RTT))


def drawn(candidates: tuple[Candidate, ...] = NEAR, current: str = "p0", rounds: int = 2000) -> Counter[str]:
    """Return how often each POP was drawn."""
    rng = random.Random(1)
    plans = [choose_session(current, candidates, rng) for _ in range(rounds)]
    return Counter(one.pop for plan in plans for one in plan if one.why == DRAWN)


def changed(**fields: dict[str, float]) -> tuple[Candidate, ...]:
    """Return the candidates with some fields of some POPs changed."""
    return tuple(
        replace(one, **{field: values[one.pop] for field, values in fields.items() if one.pop in values})
        for one in NEAR
    )


def test_current_and_best_come_first():
    """Four different POPs: the one in use, the predicted best, two more, each with its reason."""
    plan = choose_session("p0", NEAR, random.Random(1))
    assert plan[:2] == (Planned("p0", CURRENT), Planned("p1", BEST))
    assert [one.why for one in plan[2:]] == [DRAWN, DRAWN]
    assert len({one.pop for one in plan}) == 4


def test_only_the_ten_closest_are_drawn():
    """All of them are, in time; none beyond."""
    tenth = sorted(RTT)[TOP - 1]
    assert set(drawn()) == {one.pop for one in NEAR if one.predicted_ms <= tenth} - {"p0", "p1"}


def test_near_and_uncertain_are_drawn_more_often():
    """A close candidate beats a far one, and an uncertain one beats a sure one at the same distance."""
    assert drawn()["p12"] > drawn()["p3"] > 2 * drawn()["p6"]
    assert drawn(changed(spread_ms={"p6": 200.0}))["p6"] > 3 * drawn()["p6"]


def test_of_those_that_are_ruled_out_the_nearer_is_tried_more_often():
    """A second city some ms away before another continent, where one POP is certainly the best."""
    ruled_out = (Candidate("best", 2.0, 1.0), *(Candidate(f"r{ms}", float(ms), 1.0) for ms in (12, 60, 150)))
    first: Counter[str] = Counter()
    rng = random.Random(4)
    for _ in range(2000):
        first[choose_session("best", ruled_out, rng)[1].pop] += 1
    assert first["r12"] > 2 * first["r60"] > 3 * first["r150"] > 0


def test_thin_cells_fill_first():
    """As long as any of the ten was measured too little, no other is drawn in its place."""
    rng = random.Random(2)
    known = dict.fromkeys((one.pop for one in NEAR), 0.0)
    candidates = {one.pop for one in sorted(NEAR, key=lambda one: one.predicted_ms)[:TOP]} - {"p0", "p1"}
    sessions = 0
    while thin := {pop for pop in candidates if known[pop] < THIN}:
        pair = {one.pop for one in choose_session("p0", changed(known=known), rng) if one.why == DRAWN}
        assert len(pair & thin) == min(2, len(thin))
        for pop in pair:
            known[pop] += 1
        sessions += 1
    assert sessions <= len(candidates) * THIN / 2 + THIN


def test_where_the_network_knows_nothing_its_place_decides():
    """Of POPs that are all new to a network, those that its place knows too little of are measured first."""
    around = dict.fromkeys((one.pop for one in NEAR), THIN) | {"p5": 0.0, "p6": THIN - 1}
    assert set(drawn(changed(around=around))) == {"p5", "p6"}
    known = {"p5": THIN, "p6": THIN}
    assert not {"p5", "p6"} & set(drawn(changed(around=around, known=known))), "its own need comes first"


def test_among_what_is_known_the_less_known_is_drawn_more_often():
    """Twenty measurements of one, two hundred of the other, else alike."""
    known = dict.fromkeys((one.pop for one in NEAR), 200.0)
    counts = drawn(changed(known=known | {"p3": 20.0}, predicted_ms={"p2": 14.0}))
    assert counts["p3"] > 2 * counts["p2"]


def test_one_pop_may_be_both_or_neither():
    """A current POP that is the best, or no current POP, leaves room for more drawing."""
    for current in ("p1", ""):
        plan = choose_session(current, NEAR, random.Random(2))
        assert plan[0].pop == "p1"
        assert len({one.pop for one in plan}) == 4


@pytest.mark.parametrize("size", [1, 2, 3])
def test_small_worlds_have_small_plans(size: int):
    """With fewer POPs than probes each is measured once."""
    plan = choose_session("p0", NEAR[:size], random.Random(3))
    assert sorted(one.pop for one in plan) == [one.pop for one in NEAR[:size]]
    assert choose_session("", (), random.Random(3)) == ()


def test_an_unknown_place_explores_everything():
    """Without any prediction all POPs are alike; POPs without one come after those with one."""
    nothing = tuple(Candidate(one.pop) for one in NEAR)
    counts = drawn(nothing)
    assert len(counts) == 12
    assert max(counts.values()) < 1.3 * min(counts.values())
    assert {one.why for one in choose_session("", nothing, random.Random(1))} == {DRAWN}
    known = {"p1": 10.0, **{f"p{n}": 12.0 for n in range(2, 6)}}
    half = changed(predicted_ms={one.pop: known.get(one.pop, math.nan) for one in NEAR})
    counts = drawn(half)
    assert sum(counts[f"p{n}"] for n in range(2, 6)) > 5 * sum(counts[f"p{n}"] for n in range(6, 13))


def test_the_same_seed_gives_the_same_plan():
    """Randomness is the caller's: numpy's generator will do as well."""
    for make in (lambda: random.Random(5), lambda: np.random.default_rng(5)):
        assert len({choose_session("p0", NEAR, make()) for _ in range(3)}) == 1


def test_count_bounds_the_plan():
    """Current and best are cut too when there is room for one only."""
    assert choose_session("p0", NEAR, random.Random(1), count=1) == (Planned("p0", CURRENT),)
    assert len(choose_session("p0", NEAR, random.Random(1), count=6)) == 6
