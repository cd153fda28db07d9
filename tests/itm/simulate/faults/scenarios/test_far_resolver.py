from __future__ import annotations

import pytest

from itm.simulate.faults.scenarios.far_resolver import SCENARIO, UNMAPPED
from itm.simulate.faults.strategy import ITM
from tests.itm.simulate.faults.stand import beats_the_others, played

pytestmark = pytest.mark.long


def test_itm_loses_less_than_the_others_with_the_map_and_without() -> None:
    assert beats_the_others(played(SCENARIO))
    assert beats_the_others(played(UNMAPPED))


def test_the_resolver_map_takes_a_quarter_of_the_loss() -> None:
    """What stays is what one answer for a whole continent cannot do, whoever gives it."""
    mapped, unmapped = (played(one).line(ITM, "after").regret_ms for one in (SCENARIO, UNMAPPED))
    assert mapped < 0.75 * unmapped
