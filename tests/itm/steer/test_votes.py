from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from itm.steer.votes import borne_out
from tests.itm.steer.worlds import JAPAN, cells


@pytest.mark.parametrize(
    ("p25", "vote", "expected"),
    [
        (39.5, 40.0, 39.5),  # close below the median vote: the finer measure holds
        (10.0, 40.0, 39.0),  # a quarter of the records claims what half of the voters do not see
        (10.0, 200.0, 196.0),
        (90.0, 40.0, 40.0),  # records of a few make a POP look slow
        (10.0, math.nan, 10.0),
    ],
)
def test_the_lower_quartile_is_believed_as_far_as_voters_bear_it_out(
    p25: float, vote: float, expected: float
) -> None:
    """Between the median vote and a little below it: max(1 ms, 2 %)."""
    one = replace(cells((JAPAN, "place", "tokyo", p25, 9.0, 9)), vote_rtt=np.array([vote], np.float32))
    believed = borne_out(one)
    assert believed["p25"].tolist() == [pytest.approx(expected)]
    assert believed["p75"][0] >= believed["p25"][0]


@pytest.mark.parametrize(
    ("share", "vote", "expected"), [(0.1, 1.0, 1.0), (0.1, 0.2, 0.2), (0.7, 0.75, 0.75), (0.9, 0.0, 0.9)]
)
def test_a_pop_is_unreachable_when_records_and_voters_say_so(
    share: float, vote: float, expected: float
) -> None:
    """The better of the two counts: neither a loud minority nor a quiet majority is enough alone."""
    one = replace(
        cells((JAPAN, "network", "tokyo", 9.0, 9.0, 9)),
        availability=np.array([share], np.float32),
        vote_availability=np.array([vote], np.float32),
    )
    assert borne_out(one)["availability"].tolist() == [pytest.approx(expected)]


@pytest.mark.parametrize(("rung", "least", "most"), [("network", 39, 39), ("place", 20, 90)])
def test_what_voters_leave_open_is_open_on_wider_rungs(rung: str, least: float, most: float) -> None:
    """A network's row moves itself alone; a place's moves only as far as its sample of voters is certain."""
    one = replace(
        cells((JAPAN, rung, "tokyo", 10.0, 9.0, 9)),
        vote_rtt=np.array([40], np.float32),
        vote_rtt_low=np.array([20], np.float32),
        vote_rtt_high=np.array([90], np.float32),
    )
    believed = borne_out(one)
    assert (believed["least"].tolist(), believed["most"].tolist()) == ([least], [most])


@pytest.mark.parametrize(("rung", "expected"), [("network", 0.1), ("place", 1.0)])
def test_a_place_calls_a_pop_unreachable_only_when_its_voters_are_certain(rung: str, expected: float) -> None:
    """More than half of them is enough for a network; a bad draw must not empty a POP for a whole place."""
    one = replace(
        cells((JAPAN, rung, "tokyo", 9.0, 9.0, 9)),
        availability=np.array([0.1], np.float32),
        vote_availability=np.array([0.0], np.float32),
        vote_availability_high=np.array([1.0], np.float32),
    )
    assert borne_out(one)["availability"].tolist() == [pytest.approx(expected)]
