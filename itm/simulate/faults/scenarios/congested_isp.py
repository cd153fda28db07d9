"""One provider's way to one POP is congested: only its users may move, soon after some have measured."""

from __future__ import annotations

from itm.simulate.faults.fault import Congested
from itm.simulate.faults.scenario import Phase, Scenario

SCENARIO = Scenario(
    name="congested-isp",
    title="The way of AT&T's networks (AS 7018) to Ashburn is 80 ms longer for an hour.",
    minutes=120,
    phases=(Phase("before", 0, 10), Phase("congested", 10, 70), Phase("after", 70, 120)),
    faults=(Congested(7018, "w14-aws-us-e", 10, 70, extra_ms=80),),
    hit=10,
    views_per_day=96,
)
