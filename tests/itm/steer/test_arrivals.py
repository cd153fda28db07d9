from __future__ import annotations

import numpy as np
import pytest

from itm.steer.arrivals import ARRIVALS, Arrivals, Bound, arriving, parted
from itm.steer.steps import GONE_POP, NO_POP


def pops(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.uint16)


def test_what_arrives_was_served_elsewhere() -> None:
    """Not who was served nobody, nor who is served nobody now."""
    first, served = pops(0, 1, 1, 1, NO_POP), pops(0, 0, GONE_POP, NO_POP, 0)
    assert arriving(first, served, np.array([1.0, 2, 4, 8, 16]), 2).tolist() == [0, 6]


def test_the_first_is_more_only_where_it_will_fit_another_time() -> None:
    """Of 10 that may arrive at POP 0: 6 fit, or 20 as the first; behind 5 that came only the 20 go on."""
    sessions, most = np.array([6.0, 20, 3, 99]), np.array([10.0, np.inf])
    rows, pop = np.array([0, 2, 1, 3]), pops(0, 0, 0, 1)
    fresh, later = (Arrivals(sessions, most, np.array([came, 0.0])) for came in (0.0, 5.0))
    assert fresh.crowds(rows, pop).tolist() == [False, False, True, False]
    assert later.crowds(rows, pop).tolist() == [True, True, True, False]
    for one in (fresh, later):
        assert one.crowds(np.array([1, 0]), pops(0, 0)).tolist() == [False, True]


def test_resolvers_have_what_clients_left() -> None:
    bound = Bound(np.array([7.0, 2.0]), np.array([4.0]), np.array([10.0, 10.0]))
    assert bound.of_clients().came.tolist() == [0, 0]
    left = bound.of_resolvers(pops(1, 1), pops(0, 1))
    assert left.came.tolist() == [0, 7]
    assert left.crowds(np.array([0]), pops(1)).tolist() == [True]


def test_classes_have_what_they_want_of_the_bound() -> None:
    """Who moves nothing takes nothing from the others; where nobody does all are alike."""
    capacity, wanted = (
        np.array([100.0, 100.0, np.inf]),
        [np.array([30.0, 0, 5]), np.zeros(3), np.array([90.0, 0, 0])],
    )
    most = np.array(parted(capacity, wanted))
    assert most[:, 0] == pytest.approx(100 * ARRIVALS * np.array([0.25, 0, 0.75]), abs=1e-6)
    assert most[:, 1] == pytest.approx(100 * ARRIVALS * np.full(3, 1 / 3))
    assert np.isinf(most[:, 2]).all()
    assert parted(capacity, wanted[:1])[0].tolist() == (ARRIVALS * capacity).tolist()
