"""A submarine cable between two regions is cut: everything between them goes round the other way."""

from __future__ import annotations

from itm.simulate.faults.fault import CableCut
from itm.simulate.faults.scenario import Phase, Scenario

SCENARIO = Scenario(
    name="cable-cut",
    title="The cables between Africa and Europe are cut: 150 ms more, for seventy minutes.",
    minutes=110,
    phases=(Phase("before", 0, 10), Phase("cut", 10, 80), Phase("after", 80, 110)),
    faults=(CableCut(frozenset({"AF"}), frozenset({"EU"}), 10, 80, extra_ms=150),),
    hit=10,
    views_per_day=96,
)
