from __future__ import annotations

import pytest

from itm.simulate.faults.scenarios.lying_feed import SCENARIO
from itm.simulate.faults.strategy import ITM
from tests.itm.simulate.faults.stand import beats_the_others, played

pytestmark = pytest.mark.long


def test_itm_loses_less_than_the_others() -> None:
    assert beats_the_others(played(SCENARIO))


def test_the_lies_cost_little() -> None:
    """They say 400 ms of ways that take 20: whoever measured for himself is not moved far."""
    outcome = played(SCENARIO)
    before, lies = (outcome.line(ITM, phase).regret_ms for phase in ("before", "lies"))
    assert lies < before + 5
