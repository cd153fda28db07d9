from __future__ import annotations

from itm.simulate.faults.scenarios.pop_slow import SCENARIO
from itm.simulate.faults.strategy import ITM, STATIC_GEO
from tests.itm.simulate.faults.stand import beats_the_others, played


def test_itm_loses_less_than_the_others() -> None:
    """Checks pass, so that static-geo sends everybody there all the hour."""
    outcome = played(SCENARIO)
    assert beats_the_others(outcome)
    assert outcome.line(ITM, "slow").regret_ms < outcome.line(STATIC_GEO, "slow").regret_ms / 3


def test_demand_moves_within_some_build_cycles() -> None:
    """Half of it at the second build after the first that saw it, nearly all a few later, for good."""
    outcome = played(SCENARIO)
    moving = outcome.moving(ITM)
    assert moving.hit > 0.1
    assert moving.half is not None
    assert moving.half <= 16
    left = [p.hit[ITM] for p in outcome.points if SCENARIO.hit + 31 <= p.minute <= SCENARIO.phases[1].end]
    assert max(left) < 0.1 * moving.hit


def test_demand_comes_back() -> None:
    """Not at once, as the windows remember the bad hour; what that costs is small."""
    outcome = played(SCENARIO)
    assert outcome.line(ITM, "after").regret_ms < outcome.line(ITM, "before").regret_ms + 1
