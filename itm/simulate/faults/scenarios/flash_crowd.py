"""A crowd comes: the demand of a country triples within a moment, more than its POPs have room for."""

from __future__ import annotations

from itm.simulate.faults.fault import FlashCrowd
from itm.simulate.faults.scenario import Phase, Scenario

SCENARIO = Scenario(
    name="flash-crowd",
    title="Three times as many people as usual come from India for an hour.",
    minutes=100,
    phases=(Phase("before", 0, 10), Phase("crowd", 10, 70), Phase("after", 70, 100)),
    faults=(FlashCrowd(frozenset({"IN"}), 10, 70, times=3),),
    hit=10,
    headroom=1.5,
    reports_load=True,
)
