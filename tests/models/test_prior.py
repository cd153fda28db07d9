from __future__ import annotations

import numpy as np
import pytest

from models.prior import LEAST_FLOOR_MS, distance_km, floor_ms
from models.sites import Sites

AMSTERDAM = Sites.of([52.37], [4.90], ["NL"])
SYDNEY = Sites.of([-33.87], [151.21], ["AU"])


def test_distance_is_the_great_circle() -> None:
    """Amsterdam to Sydney is 16,640 km, to within the rounding of the coordinates."""
    assert distance_km(AMSTERDAM, SYDNEY)[0, 0] == pytest.approx(16_642, abs=10)


def test_distance_is_the_same_both_ways_and_zero_at_home() -> None:
    """A metric: symmetric, zero to itself."""
    assert distance_km(AMSTERDAM, SYDNEY)[0, 0] == distance_km(SYDNEY, AMSTERDAM)[0, 0]
    assert distance_km(SYDNEY, SYDNEY)[0, 0] == 0.0


def test_antipodes_are_half_the_circumference_apart() -> None:
    """Rounding never pushes the chord past the diameter."""
    ends = Sites.of([0, 90, 30], [0, 0, 10], [""] * 3), Sites.of([0, -90, -30], [180, 0, -170], [""] * 3)
    assert np.diagonal(distance_km(*ends)) == pytest.approx(20_015.1, abs=0.5)


def test_floor_is_a_millisecond_per_hundred_kilometres() -> None:
    """Light in fibre: 200 km per ms, there and back; never zero."""
    assert floor_ms(AMSTERDAM, SYDNEY)[0, 0] == pytest.approx(166.4, abs=0.1)
    assert floor_ms(SYDNEY, SYDNEY)[0, 0] == LEAST_FLOOR_MS


def test_floor_of_nowhere_is_not_a_number() -> None:
    """An unknown position spoils its own row only."""
    clients = Sites.of([np.nan, 52], [5, 5], ["NL", "NL"])
    assert np.isnan(floor_ms(clients, SYDNEY)[:, 0]).tolist() == [True, False]
