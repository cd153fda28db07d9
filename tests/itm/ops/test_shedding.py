from __future__ import annotations

import pytest

from itm.ops.shedding import BEACONS, LIMITS, SESSIONS, Limit, Pressure, turned_away


def at(limit: Limit, name: str) -> Pressure:
    return Pressure(**{name: getattr(limit, name)})


def test_in_peace_all_are_served() -> None:
    """Nothing is behind, or not far enough."""
    assert turned_away(Pressure()) == {}
    assert turned_away(Pressure(0.249, 499, (32 << 20) - 1)) == {}


@pytest.mark.parametrize(
    ("name", "reason"), [("lag_seconds", "lag"), ("in_flight", "in_flight"), ("pending_bytes", "journal")]
)
def test_beacons_go_first_then_sessions(name: str, reason: str) -> None:
    """Each of the three alone is enough."""
    assert turned_away(at(LIMITS[BEACONS], name)) == {BEACONS: reason}
    assert turned_away(at(LIMITS[SESSIONS], name)) == {BEACONS: reason, SESSIONS: reason}
