"""A POP degrades: everybody waits 120 ms longer there, and its checks pass. Only measurements tell."""

from __future__ import annotations

from itm.simulate.faults.fault import PopSlow
from itm.simulate.faults.scenario import Phase, Scenario

SCENARIO = Scenario(
    name="pop-slow",
    title="Frankfurt is 120 ms slower to everybody for an hour; its checks pass.",
    minutes=120,
    phases=(Phase("before", 0, 10), Phase("slow", 10, 70), Phase("after", 70, 120)),
    faults=(PopSlow("w14-aws-eu-c", 10, 70, extra_ms=120),),
    hit=10,
)
