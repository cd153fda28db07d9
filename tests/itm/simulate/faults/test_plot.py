from __future__ import annotations

import xml.etree.ElementTree as ET

from itm.simulate.faults.outcome import Outcome, Point
from itm.simulate.faults.plot import COLORS, as_svg
from itm.simulate.faults.scenarios.pop_down import SCENARIO


def test_a_picture_has_a_line_per_strategy_and_panel() -> None:
    """It is sound XML, and a long flat stretch costs no points."""
    flat = dict.fromkeys(COLORS, 1.0)
    steps = [Point(minute / 10, flat, flat, flat, flat, flat) for minute in range(600)]
    bent = Point(60.0, dict.fromkeys(COLORS, 50.0), flat, flat, flat, flat)
    picture = as_svg(Outcome(SCENARIO, 1, (), (*steps, bent), ()))
    root = ET.fromstring(picture)
    lines = [one for one in root.iter() if one.get("fill") == "none"]
    assert len(lines) == 3 * len(COLORS)
    assert len(picture) < 10_000
