from __future__ import annotations

from itm.simulate.faults.scenarios.cable_cut import SCENARIO
from itm.simulate.faults.strategy import ITM, STATIC_GEO
from tests.itm.simulate.faults.stand import beats_the_others, played


def test_itm_loses_less_than_the_others() -> None:
    """During the cut, too, although it is ITM that had sent Africa to Europe."""
    outcome = played(SCENARIO)
    assert beats_the_others(outcome)
    assert outcome.line(ITM, "cut").regret_ms < 0.6 * outcome.line(STATIC_GEO, "cut").regret_ms
