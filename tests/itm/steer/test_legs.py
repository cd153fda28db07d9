from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from itm.catalog.types import Location, Tuning
from itm.steer.build import build_class
from itm.steer.evidence import Evidence
from itm.steer.legs import legs_of
from itm.steer.memory import Memory
from itm.steer.plan import Limits
from itm.steer.world import World
from tests.itm.steer.worlds import AMERICA, JAPAN, P50, cells, service, world

CHAIN = ("up", "allowed", "fastest", "joint")
HOME = Location("home", "US", 37.4, -122.1, network="8.8.8.0/24")
BRANCH = Location("branch", "JP", 35.7, 139.7, weight=3.0)
FROM_HOME, FROM_BRANCH = ([P50[pop][place] for pop in P50] for place in (3, 1))


def joint_world(*locations: Location) -> World:
    p50 = {HOME: FROM_HOME, BRANCH: FROM_BRANCH}
    legs = {one: np.array([p50[one]] * 3, dtype=np.float32) for one in locations}
    steered = service(steer=CHAIN, tuning=Tuning(locations=locations))
    return replace(world(steered), leg_predictions=legs)


def leg(w: World, evidence: Evidence | None = None) -> list[float]:
    found = legs_of(w, evidence or Evidence.nothing(4), w.classes[0])
    assert found is not None
    return found.tolist()


def test_a_chain_without_joint_has_no_leg() -> None:
    """Nothing is asked of the predictor for it."""
    w = world()
    assert legs_of(w, Evidence.nothing(4), w.classes[0]) is None


def test_a_leg_is_the_mean_over_the_locations_by_weight() -> None:
    """In whole ms: three sessions of four go to the branch."""
    assert leg(joint_world(HOME)) == FROM_HOME
    expected = [round((h + 3 * b) / 4) for h, b in zip(FROM_HOME, FROM_BRANCH, strict=True)]
    assert leg(joint_world(HOME, BRANCH)) == expected


def test_what_was_measured_in_the_location_s_network_counts() -> None:
    """As for any client: thirty round trips of 250 ms outweigh a prediction of 150."""
    rows = [(AMERICA, "network", pop, ms, 30.0, 9) for pop, ms in (("tokyo", 250.0), ("ash", 7.0))]
    told = leg(joint_world(HOME), Evidence.of(cells(*rows), tuple(P50)))
    assert told[0] == pytest.approx(242, abs=3)
    assert told[1:] == FROM_HOME[1:]


def test_a_site_of_one_connector_is_believed_of_its_own_leg() -> None:
    """No client network is, by a single voter; but who else should measure from there?"""
    rows = [(AMERICA, "network", "tokyo", 250.0, 30.0, 1), (JAPAN, "network", "ams", 9.0, 30.0, 1)]
    w = joint_world(HOME, BRANCH)
    evidence = Evidence.of_world(cells(*rows), w)
    assert not len(evidence.rungs["network"].key)
    assert evidence.sites[HOME].n.tolist() == [30, 0, 0, 0]
    alone = joint_world(HOME)
    assert leg(alone, Evidence.of_world(cells(*rows), alone)) == [242, *FROM_HOME[1:]]
    few = [(AMERICA, "network", "tokyo", 250.0, 2.0, 1)]
    assert leg(alone, Evidence.of_world(cells(*few), alone)) == FROM_HOME


def test_a_leg_that_changed_decides_every_row_anew() -> None:
    """An incremental build equals a full one, though no row of a place was measured."""
    w, limits = joint_world(HOME), Limits(3, 1.0)
    nothing, steering = Evidence.nothing(4), w.classes[0]
    before = build_class(w, nothing, steering, Memory.nothing(), limits)
    rows = [(AMERICA, "network", "ash", 300.0, 30.0, 9), (AMERICA, "network", "ams", 85.0, 30.0, 9)]
    evidence = Evidence.of(cells(*rows), tuple(P50))
    part = build_class(w, evidence, steering, before.after, limits, before)
    full = build_class(w, evidence, steering, before.after, limits)
    assert np.array_equal(part.decision.ranks, full.decision.ranks)
    assert not np.array_equal(before.decision.ranks[:4], full.decision.ranks[:4])
    assert full.terms.pops.leg_ms[3] > 200


def test_clients_go_where_the_whole_way_is_shortest() -> None:
    """The desktop is in Japan: everybody meets it in Tokyo, whom the client's leg alone would scatter."""
    for w, expected in ((joint_world(BRANCH), ["tokyo"] * 3), (world(), ["tokyo", "ams", "ash"])):
        build = build_class(w, Evidence.nothing(4), w.classes[0], Memory.nothing(), Limits(3, 1.0))
        assert [list(P50)[p] for p in build.decision.ranks[1:4, 0]] == expected
