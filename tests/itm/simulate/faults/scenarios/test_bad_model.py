from __future__ import annotations

import pytest

from itm.simulate.faults.scenarios.bad_model import SCENARIO
from itm.simulate.faults.strategy import ITM
from tests.itm.simulate.faults.stand import beats_the_others, played

pytestmark = pytest.mark.long


def test_itm_loses_less_than_the_others() -> None:
    assert beats_the_others(played(SCENARIO))


def test_it_is_refused_with_the_numbers() -> None:
    ((minute, text),) = played(SCENARIO).told
    assert minute == 20
    assert text.startswith("the new predictor: refused: held out: mean regret ")
    assert " ms against " in text


def test_nobody_notices() -> None:
    """What moves is what was learned meanwhile, and does good."""
    outcome = played(SCENARIO)
    assert outcome.line(ITM, "after").churn < 0.05
    assert outcome.line(ITM, "after").regret_ms <= outcome.line(ITM, "before").regret_ms + 0.1
