from __future__ import annotations

from itm.cli.rooms import rooms_told

FRA = {"capacity": 100.0, "reported": 90.0, "wanted": 120.0, "load": 96.5, "share": 0.965, "is_away": False}
AMS = FRA | {"load": 0.0, "share": 0.0, "is_away": True}
POPS = {"fra": FRA, "ams": AMS, "nyc": FRA | {"capacity": None}}
TOLD = {"sessions": 130.0, "above": ["fra"], "pops": POPS}


def test_rooms_are_told_as_a_table() -> None:
    """POPs without a capacity are left out; of one network, what it was granted stands beside them."""
    text = rooms_told(TOLD)
    assert "Rooms for 130 sessions" in text
    assert [line.split()[:5] for line in text.splitlines()[-3:-1]] == [
        ["fra", "96.5", "100", "96%", "120"],
        ["ams", "0", "100", "0%", "120"],
    ]
    assert "nyc" not in text
    assert text.endswith("above the limit are fra.")
    own = rooms_told(TOLD | {"granted": {"fra": 0.25}, "spare": "ams", "above": []})
    assert "granted 25%" in own
    assert "stands second, away" in own
    assert "Not everybody" not in own
