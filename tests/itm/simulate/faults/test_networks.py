from __future__ import annotations

import numpy as np

from itm.simulate.faults.ground import ground
from itm.simulate.faults.networks import LEAST_NETWORKS
from tests.itm.simulate.faults.stand import recorded, small


def test_the_place_table_puts_networks_where_they_live() -> None:
    """Every network lies in its home's places, and the table knows no other network."""
    made = small()
    networks = made.networks
    assert np.array_equal(made.places.places_of(4, networks.unit), networks.place)
    assert (networks.place > 0).all()
    assert int(made.places.weight[1:].sum()) == len(networks)
    assert (np.bincount(networks.home) >= LEAST_NETWORKS).mean() > 0.9


def test_demand_follows_people() -> None:
    """All demand together is 1; how many networks there are changes who has how much only a little."""
    few, many = small().networks, ground(recorded(), 20_000, 0).networks
    assert abs(few.weight.sum() - 1) < 1e-9
    share = [np.bincount(n.home, n.weight, len(recorded().homes)) for n in (few, many)]
    assert np.allclose(*share, atol=1e-9)
    assert 18_000 < len(many) < 22_000


def test_truth_is_the_recordings_and_a_little_more() -> None:
    """A network's round trips are its client's, give or take two per cent, and its own last mile."""
    networks = small().networks
    recording = np.array([home.client.rtt_ms for home in recorded().homes])[networks.home]
    excess = networks.rtt_ms - recording
    assert 0 < np.median(excess) < 5
    assert (excess > -0.15 * recording).all()
