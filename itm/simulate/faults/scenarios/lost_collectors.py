"""No collector is heard of for two days: decisions hold, then fade towards what the predictor says."""

from __future__ import annotations

from itm.simulate.faults.scenario import Phase, Scenario

LOST = 60

SCENARIO = Scenario(
    name="lost-collectors",
    title="After an hour no measurement comes in any more, for two days.",
    minutes=LOST + 48 * 60,
    phases=(
        Phase("before", 0, LOST),
        Phase("6 hours", LOST, LOST + 6 * 60),
        Phase("24 hours", LOST + 6 * 60, LOST + 24 * 60),
        Phase("48 hours", LOST + 24 * 60, LOST + 48 * 60),
    ),
    mute=(LOST, LOST + 48 * 60),
)
