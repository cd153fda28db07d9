"""A POP loses half of its hosts: who is near another POP makes room for who is not."""

from __future__ import annotations

from itm.simulate.faults.fault import LessCapacity
from itm.simulate.faults.scenario import Phase, Scenario

SCENARIO = Scenario(
    name="half-capacity",
    title="Frankfurt has half of its room for an hour.",
    minutes=100,
    phases=(Phase("before", 0, 10), Phase("half", 10, 70), Phase("after", 70, 100)),
    faults=(LessCapacity("w14-aws-eu-c", 10, 70, share=0.5),),
    hit=10,
    headroom=1.5,
    reports_load=True,
)
