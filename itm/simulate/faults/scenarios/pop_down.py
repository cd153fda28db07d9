"""A POP answers nobody for twenty minutes: checks find it, answers leave it, nobody waits for a build."""

from __future__ import annotations

from itm.simulate.faults.fault import PopDown
from itm.simulate.faults.scenario import Phase, Scenario

SCENARIO = Scenario(
    name="pop-down",
    title="Frankfurt, which serves the most people, answers nobody for twenty minutes.",
    minutes=60,
    phases=(Phase("before", 0, 10), Phase("down", 10, 30), Phase("after", 30, 60)),
    faults=(PopDown("w14-aws-eu-c", 10, 30),),
    hit=10,
)
