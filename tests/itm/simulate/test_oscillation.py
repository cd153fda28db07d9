from __future__ import annotations

import pytest

from itm.simulate import hourly
from itm.simulate.oscillation import as_text, swing


@pytest.mark.long
def test_load_that_slows_pops_down_is_shared_and_not_swung() -> None:
    """The POP that was too full sheds, and then the shares stand: no network flips again and again."""
    found = swing(hourly.load("europe"), days=1.0)
    assert found.fullest[0] > 1.2, as_text([found])
    assert found.fullest[1] < 1.0, as_text([found])
    assert found.most_flips <= 8, as_text([found])
    assert found.mean_flips < 3, as_text([found])
    assert found.restless < 0.05, as_text([found])
    assert found.spread < 0.03, as_text([found])
