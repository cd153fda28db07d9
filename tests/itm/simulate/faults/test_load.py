from __future__ import annotations

import numpy as np

from itm.simulate.faults.load import FULL_MS, MOST_MS, OVERLOAD_MS, capacities, load_ms


def test_load_costs_nothing_up_to_eighty_per_cent_and_much_above_all() -> None:
    """Free to 0.8, 20 ms when full, 10 ms more for each per cent above, never more than two seconds."""
    load = np.array([0.0, 0.8, 0.9, 1.0, 1.05, 100.0])
    costs = load_ms(load, np.ones(6))
    assert np.allclose(costs, [0, 0, FULL_MS / 4, FULL_MS, FULL_MS + 5 * OVERLOAD_MS, MOST_MS])


def test_small_pops_have_room_too() -> None:
    """A POP that is nearest to nobody has half of the mean room."""
    assert np.allclose(capacities(np.array([0.0, 0.5, 0.5]), 2.0), [1 / 3, 1.0, 1.0])
