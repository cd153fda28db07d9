from __future__ import annotations

import random

import numpy as np

from collectors.measurement import METRICS
from collectors.rum.plan import Candidate, choose_session
from itm.simulate.faults.moment import Moment
from itm.simulate.faults.sessions import Sessions
from tests.itm.simulate.faults.stand import small

POPS = np.array([f"p{number}".encode() for number in range(14)], "S32")


def sessions(predicted: np.ndarray, spread: np.ndarray) -> Sessions:
    made = Sessions(small().networks, POPS, np.random.default_rng(0))
    made.expect(np.arange(14), predicted, spread)
    return made


def test_plans_are_those_of_the_session_planner() -> None:
    """Over many page views each POP is in as many plans as `choose_session` puts it in."""
    size = len(small().networks)
    predicted = np.tile(np.linspace(10, 60, 14).astype(np.float32), (size, 1))
    spread = np.full_like(predicted, 12.0)
    who = np.zeros(4000, np.int64)
    planned = sessions(predicted, spread)._planned(who, np.full(size, 3)[who])
    candidates = [Candidate(str(pop), float(predicted[0, pop]), 12.0) for pop in range(14)]
    rng = random.Random(0)
    wanted = np.zeros(14)
    for _ in range(4000):
        for one in choose_session("3", candidates, rng):
            wanted[int(one.pop)] += 1
    found = np.bincount(planned.ravel(), minlength=14)
    assert found[3] == found[0] == 4000
    assert np.abs(found - wanted).max() < 160
    assert not found[10:].any()


def test_people_measure_the_truth_and_a_little_more() -> None:
    """Availability of all, round trips of those that came through, none faster than the truth."""
    networks = small().networks
    moment = Moment.at_rest(networks, np.ones(14))
    reached = moment.reached.copy()
    reached[:, 0] = False
    moment = moment.but(reached=reached)
    one = sessions(networks.rtt_ms, networks.rtt_ms * np.float32(0.2))
    records = one.of(np.arange(500), 1e9, 1e9 + 300, np.zeros(len(networks), np.int64), moment)
    rtt = records[records["metric"] == METRICS.index("rtt_ms")]
    outcomes = records[records["metric"] == METRICS.index("availability")]
    assert len(outcomes) == 2000
    assert not outcomes["value"][outcomes["pop"] == b"p0"].any()
    assert not (rtt["pop"] == b"p0").any()
    row = np.searchsorted(networks.unit, rtt["unit"])
    pop = np.searchsorted(np.sort(POPS), rtt["pop"])
    truth = networks.rtt_ms[row, np.argsort(POPS)[pop]]
    assert (rtt["value"] >= truth - 1e-3).all()
    assert len(np.unique(rtt["client"])) > 400
    assert ((rtt["time"] >= 1e9) & (rtt["time"] <= 1e9 + 300)).all()
