from __future__ import annotations

import numpy as np
import pytest

from models.sites import Sites


def test_sites_of_different_lengths_are_refused() -> None:
    """Three columns of one length, or nothing."""
    with pytest.raises(ValueError, match="2 lat, 1 lon, 2 countries, 2 providers"):
        Sites.of([1, 2], [3], ["NL", "DE"])


def test_a_site_is_placed_when_both_coordinates_are_known() -> None:
    """One NaN is enough to be nowhere."""
    sites = Sites.of([1, np.nan, 2], [1, 1, np.nan], ["NL", "", ""])
    assert sites.is_placed.tolist() == [True, False, False]


def test_take_keeps_the_order_asked_for() -> None:
    """Rows come in the order of the indices."""
    sites = Sites.of([1, 2, 3], [4, 5, 6], ["NL", "DE", "US"], ["", "", "aws"])
    taken = sites.take(np.array([2, 0]))
    assert (taken.lat.tolist(), taken.country.tolist()) == ([3, 1], ["US", "NL"])
    assert taken.provider.tolist() == ["aws", ""]


def test_nobody_stands_in_a_cloud_unless_said() -> None:
    """Clients, and POPs of whom nothing is known."""
    assert Sites.of([1, 2], [4, 5], ["NL", "DE"]).provider.tolist() == ["", ""]
