from __future__ import annotations

from itm.simulate.faults.scenarios.new_pop import SCENARIO
from itm.simulate.faults.strategy import ITM, NEAREST
from tests.itm.simulate.faults.stand import beats_the_others, played


def test_itm_loses_less_than_the_others() -> None:
    assert beats_the_others(played(SCENARIO))


def test_it_serves_before_it_was_measured() -> None:
    """The predictor sends those to it whom it serves better, and not all who are near."""
    outcome = played(SCENARIO)
    before, first = (outcome.line(ITM, phase) for phase in ("before", "first hour"))
    assert first.mean_ms < before.mean_ms - 0.5
    assert first.regret_ms < before.regret_ms + 1


def test_nearest_falls_into_the_trap() -> None:
    """Who is near on the globe is not who is near on the net: this is what the recordings are known for."""
    outcome = played(SCENARIO)
    assert outcome.line(NEAREST, "first hour").mean_ms > outcome.line(NEAREST, "before").mean_ms


def test_the_catalog_goes_live() -> None:
    assert played(SCENARIO).told == ((20, "a catalog with Dubai: live"),)
