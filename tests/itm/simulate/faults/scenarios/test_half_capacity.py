from __future__ import annotations

from itm.simulate.faults.scenarios.half_capacity import SCENARIO
from itm.simulate.faults.strategy import ITM, STATIC_GEO
from tests.itm.simulate.faults.stand import beats_the_others, played


def test_itm_loses_less_than_the_others() -> None:
    """Also while the POP has half of its room."""
    outcome = played(SCENARIO)
    assert beats_the_others(outcome)
    assert outcome.line(ITM, "half").regret_ms < outcome.line(STATIC_GEO, "half").regret_ms / 10


def test_hardly_anybody_is_above_the_room_there_is() -> None:
    """Over the hour less than one per cent of demand, most of it before the first builds."""
    outcome = played(SCENARIO)
    assert outcome.line(ITM, "half").overload < 0.01
    assert outcome.line(ITM, "before").overload == 0
