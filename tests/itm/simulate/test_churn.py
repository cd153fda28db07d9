from __future__ import annotations

import numpy as np
import pytest

from itm.simulate import hourly
from itm.simulate.churn import Churn, as_text, churn, of_all
from itm.simulate.hourly import Hours


def test_steady_round_trips_move_nobody_after_the_first_day() -> None:
    """Only what the prediction had wrong is moved, on the day of learning."""
    positions = np.array([[50.0, 8.0], [52.0, 5.0]])
    clients = np.array([[50.0 + n / 3, 7.0] for n in range(4)])
    rtt = np.array([[10.0, 20.0], [10.0, 20.0], [30.0, 12.0], [30.0, 12.0]])
    found = churn("made up", Hours(positions, clients, np.tile(rtt, (24, 1, 1))), days=1)
    assert found.learning > 0
    assert (found.daily, found.restless) == (0, 0)
    assert found.regret_ms < 1


def test_demand_of_all_regions_weighs_them_by_their_networks() -> None:
    """And the table says so."""
    big, small = (Churn("x", n, 1, 0.5, daily, 0, 0, 0, 0) for n, daily in ((90, 0.0), (10, 0.1)))
    assert of_all([big, small]) == pytest.approx(0.01)
    assert as_text([big, small]).endswith("of all demand 1.00% a day")


@pytest.mark.long
def test_recorded_hours_move_three_per_cent_of_demand_a_day_at_most() -> None:
    """Where the best POP of the hour is another one for an eighth of all networks a day."""
    found = [churn(region, hourly.load(region)) for region in hourly.REGIONS]
    assert of_all(found) <= 0.03, as_text(found)
    assert all(one.regret_ms < 0.5 for one in found), as_text(found)
