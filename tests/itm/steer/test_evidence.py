from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collectors.aggregate import aggregate
from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.ladder import RUNGS
from collectors.window import Windows
from itm.steer.evidence import Evidence
from tests.collectors.observed import NOON, Clock, observed
from tests.itm.steer.worlds import JAPAN, P50, cells, world

POPS = tuple(P50)


@pytest.mark.parametrize(
    ("of_tokyo", "of_osaka", "expected"),
    [((9, 5), (9, 5), [9, 9]), ((9, 5), (9, 4), [9, 0]), ((9, 4), (9, 4), []), ((2, 5), (9, 5), [0, 9])],
)
def test_who_must_have_measured(
    of_tokyo: tuple[int, int], of_osaka: tuple[int, int], expected: list[int]
) -> None:
    """A POP counts in a network's row when five of its clients measured that very POP, in three samples."""
    rows = [(JAPAN, "network", "tokyo", 9.0, *of_tokyo), (JAPAN, "network", "osaka", 9.0, *of_osaka)]
    own = Evidence.of(cells(*rows), POPS).rungs["network"].measured.n
    assert own[:, :2].ravel().tolist() == expected


def test_unknown_pops_are_left_out() -> None:
    """Cells of POPs that the catalog no longer has are not laid out."""
    evidence = Evidence.of(cells((JAPAN, "network", "gone", 9.0, 9, 6)), POPS)
    assert len(evidence.rungs["network"].key) == 0


def test_keys_without_evidence_have_no_row() -> None:
    """A key that is not there is -1, also in an empty rung."""
    evidence = Evidence.of(cells((JAPAN, "network", "tokyo", 9.0, 9, 6)), POPS)
    own = evidence.rungs["network"]
    assert own.rows(np.array([own.key[0], own.key[0] + np.uint64(1)])).tolist() == [0, -1]
    assert evidence.rungs["place"].rows(np.array([1], dtype=np.uint64)).tolist() == [-1]


def test_a_few_fetches_do_not_hide_what_is_known_above() -> None:
    """Its place cannot reach Tokyo: one lucky fetch of the network says nothing, twenty are its own word."""
    rows = cells((JAPAN, "place", "tokyo", 9.0, 50.0, 9), (JAPAN, "network", "tokyo", 9.0, 50.0, 9))
    keys = world().ladder.keys(np.array([4], np.uint8), np.array([0x850B00], np.uint64))[0]
    told = []
    for fetches in (1.0, 20.0):
        aggregates = replace(
            rows,
            availability=np.array([0.1, 1.0], dtype=np.float32),
            availability_n=np.array([500.0, fetches], dtype=np.float32),
        )
        estimate = Evidence.of(aggregates, POPS).estimate(
            world().predictions[:, [1], :],
            {r: keys[[RUNGS.index(r)]] for r in ("place", "prefix", "network")},
        )
        told.append((float(estimate.availability[0, 0]), float(estimate.availability_n[0, 0])))
    assert told == [(pytest.approx(0.1), 500.0), (1.0, 20.0)]


def test_availability_needs_five_of_its_own_voters() -> None:
    """A POP that many find fast is not unreachable because four clients say so, however often."""
    row = cells((JAPAN, "network", "tokyo", 9.0, 50.0, 9))
    for voters, expected in ((4, 0.0), (5, 20.0)):
        aggregates = replace(
            row,
            availability=np.zeros(1, np.float32),
            availability_n=np.full(1, 20, np.float32),
            availability_distinct=np.full(1, voters, np.int32),
        )
        measured = Evidence.of(aggregates, POPS).rungs["network"].measured
        assert measured.availability_n[0, 0] == expected


def test_a_place_needs_eight_networks_about_the_very_pop() -> None:
    """Its row stands for thousands of networks: a few of them must not speak for all."""
    rows = [(JAPAN, "place", "tokyo", 9.0, 9.0, 8), (JAPAN, "place", "osaka", 9.0, 9.0, 7)]
    own = Evidence.of(cells(*rows), POPS).rungs["place"].measured.n
    assert own[:, :2].ravel().tolist() == [9, 0]


@pytest.mark.parametrize(("liars", "is_moved"), [(9, False), (11, False), (12, True)])
def test_a_place_stands_a_bad_draw_of_its_voters(liars: int, is_moved: bool) -> None:
    """Nine of sixteen sampled networks say that Tokyo is slow, as often as they like: it stays the first."""
    clock, w = Clock(), world()
    windows = Windows(clock=clock)
    said = [
        observed([200.0] * 20 if n < liars else [5.0] * 3, pop="tokyo", unit=0x850B00 + n, client=n + 1)
        for n in range(16)
    ]
    sites = PopSites.of(POPS, [np.nan] * len(POPS), [np.nan] * len(POPS))
    windows.merge(take(np.concatenate(said), Guard(), w.ladder, sites, NOON, 43_200.0).gathered)
    keys = w.ladder.keys(np.array([4], np.uint8), np.array([0x850B00], np.uint64))[0]
    place = {r: keys[[RUNGS.index(r)]] * np.uint64(r == "place") for r in ("place", "prefix", "network")}
    estimate = Evidence.of(aggregate(windows, clock), POPS).estimate(w.predictions[:, [1], :], place)
    assert (int(estimate.rtt[0].argmin()) != POPS.index("tokyo")) == is_moved


@pytest.mark.parametrize(("slow", "is_left"), [(0, False), (1, False), (4, True), (8, True)])
def test_a_good_floor_with_a_bad_tail_does_not_win(slow: int, is_left: bool) -> None:
    """Tokyo answers eight clients in 5 ms, but `slow` of them lose two fetches of four to congestion."""
    clock, w = Clock(), world()
    windows = Windows(clock=clock)
    said = [
        observed(values, pop=pop, unit=0x850B00, client=n + 1)
        for n in range(8)
        for pop, values in (("tokyo", [5.0, 150.0 if n < slow else 5.0] * 2), ("osaka", [12.0] * 4))
    ]
    sites = PopSites.of(POPS, [np.nan] * len(POPS), [np.nan] * len(POPS))
    windows.merge(take(np.concatenate(said), Guard(), w.ladder, sites, NOON, 43_200.0).gathered)
    keys = w.ladder.keys(np.array([4], np.uint8), np.array([0x850B00], np.uint64))[0]
    network = {r: keys[[RUNGS.index(r)]] * np.uint64(r == "network") for r in ("place", "prefix", "network")}
    estimate = Evidence.of(aggregate(windows, clock), POPS).estimate(w.predictions[:, [1], :], network)
    costs = estimate.rtt[0] + estimate.unsteady_ms[0]
    assert (int(costs.argmin()) == POPS.index("osaka")) == is_left
