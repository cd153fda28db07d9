from __future__ import annotations

import numpy as np

from itm.simulate.faults.moment import Moment
from itm.simulate.faults.oracle import best
from itm.simulate.faults.seen import FAILED_MS, see
from tests.itm.simulate.faults.stand import small

ALL = np.ones(14, np.bool_)


def test_with_room_everybody_has_the_nearest() -> None:
    """Nobody can do better, and nobody pays for load."""
    networks = small().networks
    moment = Moment.at_rest(networks, np.full(14, 10.0))
    found = best(moment, networks, ALL)
    assert np.allclose(found.latency_ms, networks.rtt_ms.min(axis=1))
    assert found.reached.all()


def test_without_room_nobody_is_above_it() -> None:
    """A POP for half of those nearest to it is filled, not more, and all demand is served."""
    networks = small().networks
    nearest = np.bincount(networks.rtt_ms.argmin(axis=1), networks.weight, 14)
    room = np.full(14, 10.0)
    room[6] = nearest[6] / 2
    found = best(Moment.at_rest(networks, room), networks, ALL)
    assert found.load[6] <= room[6] * 0.951
    assert abs(found.load.sum() - 1) < 1e-9
    served = networks.rtt_ms.argmin(axis=1)
    seen = see(Moment.at_rest(networks, room), served, served, found)
    assert seen.regret_ms > 0
    assert abs(seen.over - nearest[6] / 2) < 1e-9


def test_a_dead_pop_costs_its_users_the_time_limit() -> None:
    """The oracle's users are elsewhere, the others' wait."""
    networks = small().networks
    moment = Moment.at_rest(networks, np.full(14, 10.0))
    reached = moment.reached.copy()
    reached[:, 6] = False
    moment = moment.but(reached=reached)
    served = networks.rtt_ms.argmin(axis=1)
    seen = see(moment, served, served, best(moment, networks, ALL))
    share = float(networks.weight[served == 6].sum())
    assert abs(seen.regret_ms - share * FAILED_MS) < share * 300
    assert np.array_equal(seen.hit, served == 6)
