from __future__ import annotations

from itm.simulate.faults.scenarios.bad_catalog import SCENARIO
from itm.simulate.faults.strategy import ITM
from tests.itm.simulate.faults.stand import beats_the_others, played


def test_itm_loses_less_than_the_others() -> None:
    assert beats_the_others(played(SCENARIO))


def test_both_are_refused_with_what_is_wrong() -> None:
    told = [text for _, text in played(SCENARIO).told]
    assert len(told) == 2
    for slip in ("country: expected an ISO 3166-1 alpha-2 code", "lat: expected -90 to 90", "did you mean"):
        assert slip in told[0]
    assert "of demand would change its POP (limit 30%" in told[1]


def test_nobody_notices() -> None:
    """What moves is what was learned meanwhile, and does good."""
    outcome = played(SCENARIO)
    assert outcome.line(ITM, "after").churn < 0.05
    assert outcome.line(ITM, "after").regret_ms <= outcome.line(ITM, "before").regret_ms + 0.1
