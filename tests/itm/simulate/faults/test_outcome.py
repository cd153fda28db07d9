from __future__ import annotations

from itm.simulate.faults.outcome import Outcome, Point
from itm.simulate.faults.report import as_data, as_text
from itm.simulate.faults.scenarios.pop_down import SCENARIO
from itm.simulate.faults.strategy import ITM, ORACLE, STRATEGIES
from tests.itm.simulate.faults.stand import played


def points(*hit: float) -> tuple[Point, ...]:
    def of(value: float) -> dict[str, float]:
        return dict.fromkeys((*STRATEGIES, ORACLE), value)

    return tuple(
        Point(10 + number / 12, of(0), of(1), of(own), of(0), of(0)) for number, own in enumerate(hit)
    )


def test_the_time_of_moving_counts_from_the_fault() -> None:
    """Half of the most that is ever hit, and 95 % of it; never where it does not come so far."""
    moving = Outcome(SCENARIO, 1, (), points(0.0, 0.2, 0.4, 0.2, 0.1, 0.02), ()).moving(ITM)
    assert moving.hit == 0.4
    assert moving.half is not None
    assert abs(moving.half - 3 / 12) < 1e-9
    assert moving.most is not None
    assert abs(moving.most - 5 / 12) < 1e-9
    assert Outcome(SCENARIO, 1, (), points(0.0, 0.2, 0.15), ()).moving(ITM).half is None


def test_the_report_has_every_strategy_in_every_phase() -> None:
    """As text and as data."""
    outcome = played(SCENARIO)
    text, data = as_text(outcome), as_data(outcome)
    assert len(data["lines"]) == len(SCENARIO.phases) * (len(STRATEGIES) + 1)
    assert all(name in text for name in STRATEGIES)
    assert set(data["regret_ms"]) == set(STRATEGIES)
