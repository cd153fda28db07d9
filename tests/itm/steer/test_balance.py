"""POPs that can be full, with real builds, maps and masks: who gives way, and that nobody is drowned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from itm.cli.why import told as told_story
from itm.routemap.health import State
from itm.steer.arrivals import ARRIVALS
from itm.steer.assign import HARD
from itm.steer.balance import demand_of
from itm.steer.behind import Behind
from itm.steer.build import ClassBuild, draft_class
from itm.steer.cycle import Knowledge, build_all
from itm.steer.evidence import Evidence
from itm.steer.explain import WhyQuestion, explain
from itm.steer.inputs import Inputs
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.publish import routemap_of, says_the_same
from itm.steer.resolvers import Resolvers
from itm.steer.story import Served
from itm.steer.world import World
from tests.itm.steer.crowded import CHAIN, NAMES, UNITS, answered, built, crowded, known
from tests.itm.steer.worlds import cut_world, service

DEMAND = 80 * UNITS
UNIT_OF_ROW = [0x0A0000 + UNITS * (1 + row) for row in range(80)]


def test_without_a_capacity_or_sessions_nothing_is_granted() -> None:
    """The chain alone decides, and no cost is kept beside the ranks."""
    for capacity, planned in (((0.0,) * 5, 1000.0), ((10.0,) * 5, 0.0)):
        w = crowded(capacity)
        (build,) = built(w, known(w, planned=planned))
        assert build.outlook is None
        assert len(build.granted.key) == 0
        assert build.decision.near.shape[1] == 0


def test_a_full_pop_sheds_who_loses_least() -> None:
    """One POP has half the room its users ask for: it is filled by those with the most to lose."""
    w = crowded((0.0,) * 5)
    free = answered(w, built(w, known(w))[0])
    tight = crowded((free[0] / 2, *[0.0] * 4))
    (build,) = built(tight, known(tight, planned=DEMAND))
    got = answered(tight, build)
    assert got.sum() == DEMAND
    assert free[0] / 2 * 0.9 <= got[0] <= free[0] / 2 * (HARD + 0.03)
    assert build.outlook is not None
    assert build.outlook.load == pytest.approx(got, rel=0.03)
    assert build.outlook.wanted == pytest.approx(free, rel=0.03)
    assert build.outlook.above == ()
    p50 = tight.predictions[1][1:]
    regret = np.sort(np.partition(p50, 1, axis=1)[:, 1] - p50[:, 0])
    loss = p50[np.arange(80), build.decision.ranks[1:81, 0]] - p50.min(axis=1)
    own = p50.argmin(axis=1) == 0
    assert loss[own & (loss > 0)].max() <= np.sort(regret[regret > 0])[own.sum() // 2 + 2]
    assert (build.decision.shares.any(axis=1)).sum() <= 1
    assert build.decision.wanted[1:81][own].tolist() == [0] * own.sum()  # they come back when there is room


def test_a_second_build_changes_nothing_and_incremental_equals_full() -> None:
    w = crowded([700.0] * 5)
    knowledge = known(w, planned=DEMAND)
    first = built(w, knowledge)
    second = built(w, knowledge, first)
    assert second[0].plan.moved_share <= 0.02  # who gave way is where he is: the border is another row's
    part, whole = built(w, knowledge, second), built(w, knowledge, second, whole=True)
    assert len(second[0].granted.key) > 3
    for other in (part, whole):
        assert says_the_same(routemap_of(w, second, 1, 0.0), routemap_of(w, other, 1, 0.0))
        assert np.array_equal(second[0].granted.key, other[0].granted.key)
    moved = known(w, {name: (DEMAND / 5, 700.0 - 50 * i) for i, name in enumerate(NAMES)})
    for last in (first, part):
        part, whole = built(w, moved, last), built(w, moved, last, whole=True)
        assert says_the_same(routemap_of(w, part, 1, 0.0), routemap_of(w, whole, 1, 0.0))
    calm = known(w)
    part, whole = built(w, calm, part), built(w, calm, part, whole=True)
    assert says_the_same(routemap_of(w, part, 1, 0.0), routemap_of(w, whole, 1, 0.0))


@pytest.mark.parametrize("dead", NAMES)
def test_a_death_overloads_nobody_before_the_next_build_nor_after(dead: str) -> None:
    """Of five POPs, each 70 % full: the mask alone puts none above its capacity, nor the build after."""
    w = crowded((0.0,) * 5)
    free = answered(w, built(w, known(w))[0])
    w = crowded([float(one) for one in free / 0.7])
    planned = float(DEMAND)
    natural = answered(w, built(crowded((0.0,) * 5), known(w))[0], away=[dead])
    (build,) = built(w, known(w, planned=planned))
    room = free / 0.7
    at_once = answered(w, build, away=[dead])
    assert at_once.sum() == DEMAND
    assert (at_once <= room * 1.02).all(), (natural / room, at_once / room)
    (after,) = built(w, known(w, planned=planned, away=[dead]), [build])
    got = answered(w, after, away=[dead])
    assert (got <= room * (HARD + 0.03)).all()
    assert after.outlook is not None
    assert after.outlook.above == ()
    back = answered(w, after)  # back at once with no build, but for the rows on borders
    assert back[NAMES.index(dead)] >= free[NAMES.index(dead)] - 4 * UNITS


@pytest.mark.parametrize("apart", [range(0), range(40, 80)])
def test_neighbours_make_room_in_the_build_after_a_death(apart: range) -> None:
    """The users of the dead have one other POP, which is full: its own go on, though bounds are tight.

    They do where they are clients, and where they ask through resolvers (those of places `apart`).
    """
    w = crowded((0.0, 0.0, 0.0))
    p50 = w.predictions.copy()
    p50[:, 1:41] = np.array([5, 25, 900], np.float32)
    p50[:, 41:] = np.array([950, 5, 35], np.float32)
    w = replace(w, predictions=p50)
    names, pops = w.pops, w.catalog.pops
    room = (2000.0, 2000.0, 4000.0)
    w = replace(
        w,
        catalog=replace(
            w.catalog, pops=tuple(replace(p, capacity=c) for p, c in zip(pops, room, strict=True))
        ),
    )
    behind = asking(apart)
    first = built(w, known(w, planned=DEMAND, behind=behind))
    (after,) = built(w, known(w, planned=DEMAND, away=[names[0]], behind=behind), first, share=0.1)
    assert after.outlook is not None
    got = after.outlook.load
    assert (got <= np.array(room)).all()
    assert got[2] >= DEMAND - 2000
    if not apart:
        assert answered(w, after, away=[names[0]]) == pytest.approx(got, rel=0.03)
        assert after.plan.mandatory_share > 0.3


def test_not_everybody_fits() -> None:
    """The least overload there is, spread, told and nobody dropped."""
    w = crowded([400.0] * 5)
    (build,) = built(w, known(w, planned=DEMAND))
    got = answered(w, build)
    assert got.sum() == DEMAND
    assert got.max() <= 1.3 * got.min()
    assert build.outlook is not None
    assert set(build.outlook.above) == set(NAMES)
    told = build.outlook.as_dict()
    assert told["above"] == list(build.outlook.above)
    assert all(one["share"] > HARD for one in told["pops"].values())


def test_no_more_arrives_at_a_pop_than_a_tenth_of_its_capacity() -> None:
    """Until now nobody was full; a POP loses its room, and the others take in its users step by step."""
    w = crowded([960.0] * 5)
    last = built(w, known(w, planned=DEMAND))
    before = answered(w, last[0])
    less = crowded([before[0] / 4, *[960.0] * 4])
    steps = []
    for _ in range(8):
        last = built(less, known(less, planned=DEMAND), last, share=0.5)
        steps.append(answered(less, last[0]))
    changes = np.diff([before, *steps], axis=0)
    assert changes[:, 1:].max() <= 960 * ARRIVALS * 1.02 + UNITS
    assert steps[0][0] > before[0] / 4  # not all at once
    assert steps[-1][0] <= before[0] / 4 * (HARD + 0.05)
    assert (np.diff([one[0] for one in steps]) <= 0).all()
    assert last[0].plan.held_share == 0


def asking(places: Sequence[int]) -> Behind:
    """Return one resolver in each of these places, with all of its networks behind it."""
    base = np.uint64(4) << np.uint64(60)
    first = np.array([UNIT_OF_ROW[place] for place in places], dtype=np.uint64)
    client = base | (first[:, None] + np.arange(UNITS, dtype=np.uint64)).ravel()
    start = np.arange(len(first) + 1) * UNITS
    return Behind(
        base | first, start, client, np.ones(len(client), np.float32), np.zeros(len(client), np.float32)
    )


def test_the_clients_of_resolvers_count_among_those_who_arrive() -> None:
    """Half of the networks ask through resolvers; one POP loses its room, and no more leave it at once."""
    p50 = crowded([960.0] * 5).predictions.copy()
    p50[:, :, 0] = 3  # everybody is nearest to the first
    wide, w = (replace(crowded([room, *[960.0] * 4]), predictions=p50) for room in (1e4, 1000.0))
    behind = asking(range(0, 80, 2))
    last, loads = built(wide, known(wide, planned=DEMAND, behind=behind)), []
    for turn in range(12):
        knowledge = known(w, planned=DEMAND, behind=behind)
        part, whole = built(w, knowledge, last, share=0.5), built(w, knowledge, last, share=0.5, whole=True)
        assert says_the_same(routemap_of(w, part, 1, 0.0), routemap_of(w, whole, 1, 0.0))
        assert np.array_equal(part[0].held, whole[0].held)
        served = served_by(w, part[0], behind)
        units = [UNIT_OF_ROW[place] for place in range(turn, 80, 12)]
        assert all(
            explain(WhyQuestion("gw.example.net", resolver=address_in(unit)), served)["candidates"]
            for unit in units
        )
        assert part[0].outlook is not None
        loads.append(part[0].outlook.load)
        last = part
    assert np.diff(loads, axis=0)[:, 1:].max() <= 960 * ARRIVALS * 1.02 + 2 * UNITS  # one is on a border
    assert loads[0][0] > DEMAND - 4 * (960 * ARRIVALS + 2 * UNITS)
    assert loads[-1][0] <= 1000 * (HARD + 0.05)


def test_classes_that_move_nothing_take_nothing_of_what_may_arrive() -> None:
    names = NAMES[:3]
    moving = service("a.example.net.", pools=(("world", names),), steer=CHAIN)
    still = [service(f"{name}.example.net.", pools=(("world", (name,)),), steer=CHAIN) for name in names]
    p50 = crowded([0.0] * 3).predictions.copy()
    p50[:, :, 0] = 3
    wide, w = (
        replace(one, predictions=p50, catalog=replace(one.catalog, services=(moving, *still)))
        for one in (crowded([1e5] * 3), crowded([DEMAND * 1.2, 8000.0, 8000.0]))
    )
    first = built(wide, known(wide, planned=4.0 * DEMAND))
    after = built(w, known(w, planned=4.0 * DEMAND), first, share=0.5)
    assert first[0].outlook is not None
    assert after[0].outlook is not None
    came = (after[0].outlook.load - first[0].outlook.load)[1:]
    assert came.max() > 0.9 * 8000 * ARRIVALS
    assert came.max() <= 8000 * ARRIVALS * 1.02 + UNITS


def test_classes_share_the_rooms() -> None:
    """A class without the step is load that stays; the other one gives way."""
    names = NAMES[:3]
    free = crowded((0.0,) * 3)
    one = service("a.example.net.", pools=(("world", names),), steer=CHAIN)
    fixed = service(
        "b.example.net.", pools=(("world", names),), steer=tuple(s for s in CHAIN if s != "capacity")
    )
    alone = answered(free, built(free, known(free))[0])
    w = crowded([float(c) for c in alone * (1.5, 4, 4)])
    w = replace(w, catalog=replace(w.catalog, services=(one, fixed)))
    builds = built(w, known(w, planned=2.0 * DEMAND))
    moved, stays = (answered(w, build) for build in builds)
    assert stays.tolist() == alone.tolist()
    assert moved[0] + stays[0] <= alone[0] * 1.5 * (HARD + 0.03)
    assert len(builds[1].granted.key) == 0
    assert builds[0].outlook is builds[1].outlook


def test_every_network_counts_once_whoever_asks_for_it() -> None:
    """What comes through a resolver is not in its clients' rows; together they are as much as before."""
    w = crowded([900.0] * 5)
    client = (np.uint64(4) << np.uint64(60)) | (np.arange(30, dtype=np.uint64) + np.uint64(0x0A0000 + UNITS))
    behind = Behind(
        resolver=np.sort(client[[3, 20]]),
        start=np.array([0, 20, 40]),
        client=np.concatenate([client[:20], client[10:30]]),
        weight=np.ones(40, np.float32),
        age_days=np.zeros(40, np.float32),
    )
    evidence = Evidence.nothing(5)
    draft = draft_class(
        w, evidence, w.classes[0], Memory.nothing(), Limits(4, 1.0), None, Resolvers.of(w, evidence, behind)
    )
    rows, resolvers = demand_of(draft)
    assert resolvers.tolist() == [15.0, 15.0]  # ten networks are behind both
    assert rows.sum() + resolvers.sum() == pytest.approx(draft.weight.sum())
    assert rows[1] == pytest.approx(UNITS - 30)


def test_a_resolver_gives_way_with_its_clients() -> None:
    w = crowded([300.0, *[2000.0] * 4])
    p50 = w.predictions.copy()
    p50[:, :, 0] = 3  # everybody is nearest to the first
    w = replace(w, predictions=p50)
    client = (np.uint64(4) << np.uint64(60)) | (np.arange(30, dtype=np.uint64) + np.uint64(0x0A0000 + UNITS))
    behind = Behind(client[[3]], np.array([0, 30]), client, np.ones(30, np.float32), np.zeros(30, np.float32))
    builds = build_all(w, known(w, planned=DEMAND, behind=behind), [Memory.nothing()], Limits(4, 1.0))
    assert builds[0].outlook is not None
    assert builds[0].outlook.load[0] <= 300 * (HARD + 0.01)
    assert builds[0].outlook.load.sum() == pytest.approx(DEMAND, rel=0.03)


def test_a_crowd_that_only_reports_know_of_is_spread_and_stays_so() -> None:
    """Three times as many people as demand says come from where one POP is nearest; then they go again.

    The others take them in by steps; then nothing moves any more, though every build reckons anew.
    """
    w = crowded([960.0] * 5)
    many = np.where(w.predictions[1][1:].argmin(axis=1) == 0, 3.0, 1.0)
    last = built(w, known(w, of_reports(w, np.zeros(5), np.full(5, DEMAND / 5))))
    last = built(w, known(w, of_reports(w, answered(w, last[0]))), last)
    fullest, moved = [], []
    for turn in range(20):
        load = answered(w, last[0], weight=many if turn < 14 else None)
        fullest.append(float(load.max() / 960))
        last = built(w, known(w, of_reports(w, load), last=last), last, share=0.9)
        moved.append(last[0].plan.moved_share)
    assert fullest[0] > 1.7
    assert max(fullest[6:14]) <= 1.06  # a hundred sessions of a thousand are `FEW` here
    assert max(moved[6:14]) == 0
    assert max(fullest[16:]) < 0.85
    assert max(moved[17:]) <= 0.02


def served_by(w: World, build: ClassBuild, behind: Behind | None = None) -> Served:
    """Return the map of this build with what it was decided from."""
    assert build.outlook is not None
    inputs = Inputs(
        *(2, 1, "test", "predictions", 4, Evidence.nothing(len(w.pops)), (build.before,), (build.held,)),
        behind=behind or Behind.nothing(),
        granted=(build.granted,),
        outlook=build.outlook.as_dict(),
    )
    return Served(routemap_of(w, (build,), 2, 0.0), inputs, w, {})


def address_in(unit: int) -> str:
    return f"10.{unit >> 8 & 255}.{unit & 255}.1"


def of_reports(w: World, load: np.ndarray, more: np.ndarray | None = None) -> dict[str, tuple[float, float]]:
    """Return what POPs with this load report."""
    sessions = load if more is None else load + more
    return {name: (float(one), 960.0) for name, one in zip(w.pops, sessions, strict=True)}


@pytest.mark.parametrize(
    ("away", "share", "ties"),
    [((), 1.0, False), ((), 0.1, False), (("two",), 1.0, False), (("two",), 0.1, False), ((), 1.0, True)],
)
def test_why_decides_every_row_again_by_what_was_granted(
    away: tuple[str, ...], share: float, ties: bool
) -> None:
    """Whatever gives way, is split, put second or held; the story has the shares and the loads.

    With `ties` the two nearest POPs are equally near to everybody.
    """
    w = crowded([720.0] * 5)
    if ties:
        p50 = w.predictions.copy()
        nearest = np.argsort(p50[1], axis=1)[:, :2]
        best = np.take_along_axis(p50, nearest[None, :, :1], axis=2)
        np.put_along_axis(p50, np.broadcast_to(nearest[None, :, 1:], best.shape), best, axis=2)
        w = replace(w, predictions=p50)
    last = built(w, known(w, planned=DEMAND * 0.5))
    (build,) = built(w, known(w, planned=float(DEMAND), away=away), last, share=share)
    served = replace(served_by(w, build), states=dict.fromkeys(away, State.DOWN))
    stories = [explain(WhyQuestion("gw.example.net", address_in(unit)), served) for unit in UNIT_OF_ROW]
    split = [one for one in stories if len(one["capacity"]["granted"]) > 1]
    spare = [one for one in stories if one["capacity"]["spare"]]
    assert split or share < 1
    assert spare
    assert stories[0]["capacity"]["pops"]["one"]["capacity"] == 720
    notes = {step["step"]: step["note"] for step in [*split, *spare][0]["steps"] if "note" in step}
    assert "granted" in notes["capacity"] or "has room where the first has none" in notes["capacity"]
    assert "Rooms for" in told_story([*split, *spare][0])


@pytest.mark.parametrize("seed", range(4))
def test_incremental_equals_full_in_worlds_cut_at_random(seed: int) -> None:
    """With subnet rules, pools and measured prefixes; POPs fill up, die, come back and are bounded."""
    w, measured = cut_world(seed)
    rng = np.random.default_rng(seed)
    pops = tuple(replace(p, capacity=float(rng.uniform(150, 400))) for p in w.catalog.pops)
    w = replace(w, catalog=replace(w.catalog, pops=pops))
    nothing, evidence = Evidence.nothing(4), Evidence.of(measured, w.pops)
    last = build_all(w, knowing(w, nothing, 300.0), [Memory.nothing()], Limits(4, 1.0))
    seen = 0
    for turn in range(6):
        away = (w.pops[turn % 4],) if turn in {2, 3} else ()
        knowledge = knowing(w, evidence if turn else nothing, float(rng.uniform(400, 900)), away)
        memories = [one.after for one in last]
        part = build_all(w, knowledge, memories, Limits(4, 0.4), last)
        whole = build_all(w, knowledge, memories, Limits(4, 0.4))
        assert says_the_same(routemap_of(w, part, 1, 0.0), routemap_of(w, whole, 1, 0.0))
        assert np.array_equal(part[0].after.served, whole[0].after.served)
        assert np.array_equal(part[0].held, whole[0].held)
        seen += len(part[0].granted.key)
        last = part
    assert seen


def knowing(w: World, evidence: Evidence, planned: float, away: tuple[str, ...] = ()) -> Knowledge:
    """What is known where something was measured."""
    resolvers = Resolvers.of(w, evidence, Behind.nothing())
    states = dict.fromkeys(away, State.DOWN)
    return Knowledge(evidence, resolvers, states=states, planned_sessions=planned)
