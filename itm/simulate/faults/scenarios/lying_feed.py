"""A feed that somebody wrote wrongly, or took over, says what is not so of all networks of Europe."""

from __future__ import annotations

from itm.simulate.faults.events import FeedLies
from itm.simulate.faults.scenario import Phase, Scenario

FIRST, LAST, EVERY = 20, 80, 5
"""Minutes: as often as a map is built."""

SCENARIO = Scenario(
    name="lying-feed",
    title="For an hour a feed says of every network of Europe that the POP which serves it is 400 ms away.",
    minutes=120,
    phases=(Phase("before", 0, FIRST), Phase("lies", FIRST, LAST), Phase("after", LAST, 120)),
    events=tuple(FeedLies(minute, frozenset({"EU"}), 400.0) for minute in range(FIRST, LAST, EVERY)),
)
