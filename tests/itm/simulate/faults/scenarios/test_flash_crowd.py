from __future__ import annotations

from itm.simulate.faults.scenarios.flash_crowd import SCENARIO
from itm.simulate.faults.strategy import ITM, STATIC_GEO
from tests.itm.simulate.faults.stand import beats_the_others, played


def test_itm_loses_less_than_the_others() -> None:
    """During the crowd, too."""
    outcome = played(SCENARIO)
    assert beats_the_others(outcome)
    assert outcome.line(ITM, "crowd").regret_ms < 0.4 * outcome.line(STATIC_GEO, "crowd").regret_ms


def test_less_demand_is_above_the_room_there_is() -> None:
    """The crowd is seen by what POPs report, and sent on to where there is room."""
    outcome = played(SCENARIO)
    assert outcome.line(ITM, "crowd").overload < 0.75 * outcome.line(STATIC_GEO, "crowd").overload
    assert outcome.line(ITM, "after").overload < 0.02


def test_it_settles_when_the_crowd_has_gone() -> None:
    """Nobody goes to and fro for the hour after."""
    outcome = played(SCENARIO)
    assert outcome.line(ITM, "after").churn < 0.5
    assert outcome.line(ITM, "after").regret_ms < outcome.line(ITM, "before").regret_ms + 8
