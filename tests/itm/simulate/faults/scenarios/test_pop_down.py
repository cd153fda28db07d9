from __future__ import annotations

from itm.simulate.faults.scenarios.pop_down import SCENARIO
from itm.simulate.faults.strategy import ITM
from tests.itm.simulate.faults.stand import beats_the_others, played


def test_itm_loses_less_than_the_others() -> None:
    """Nearest keeps sending people to the dead POP, static-geo sends them to the next one on the globe."""
    assert beats_the_others(played(SCENARIO))


def test_half_of_the_demand_is_elsewhere_within_thirty_seconds() -> None:
    """Checks find the POP dead, answers leave it at once; the rest waits for resolvers that stretch TTLs."""
    moving = played(SCENARIO).moving(ITM)
    assert moving.hit > 0.05
    assert moving.half is not None
    assert moving.half <= 0.5
    assert moving.most is not None
    assert moving.most <= 5


def test_people_are_served_but_for_the_first_minutes() -> None:
    """Twenty minutes without the busiest POP cost half a per cent of sessions, and none after it is back."""
    outcome = played(SCENARIO)
    assert outcome.line(ITM, "down").available > 0.995
    assert outcome.line(ITM, "after").available == 1


def test_everything_is_as_before_afterwards() -> None:
    """Nobody stays away from the POP that is back."""
    outcome = played(SCENARIO)
    assert outcome.line(ITM, "after").regret_ms <= outcome.line(ITM, "before").regret_ms + 0.1
