from __future__ import annotations

import pytest

from itm.simulate.faults.scenarios.lost_collectors import LOST, SCENARIO
from itm.simulate.faults.strategy import ITM
from tests.itm.simulate.faults.stand import beats_the_others, played

pytestmark = pytest.mark.long


def test_itm_loses_less_than_the_others() -> None:
    assert beats_the_others(played(SCENARIO))


def test_decisions_hold() -> None:
    """Six hours without a measurement move nobody; two days move few, and cost less than a millisecond."""
    outcome = played(SCENARIO)
    before, soon, late = (outcome.line(ITM, phase) for phase in ("before", "6 hours", "48 hours"))
    assert soon.churn < 0.01
    assert late.churn < 0.10
    assert late.regret_ms < before.regret_ms + 1


def test_it_is_told_after_an_hour_and_whenever_half_is_gone() -> None:
    told = played(SCENARIO).told
    assert told[0][0] == pytest.approx(LOST + 60, abs=10)
    assert "nothing was measured for 1.0 h" in told[0][1]
    weights = [int(text.split("weighs ")[1].split("%")[0]) for _, text in told]
    assert weights == pytest.approx([94, 47, 24, 12], abs=1)
