"""What a POP costs a row is what the decision believes, of whatever rows are asked."""

from __future__ import annotations

import numpy as np
import pytest

from itm.steer import pricing
from itm.steer.evidence import Evidence
from itm.steer.pricing import Believed
from tests.itm.steer.worlds import JAPAN, P50, cells, world

PAIRS = [(0, 0), (1, 0), (1, 1), (3, 2), (4, 0)]


def test_predictions_and_measurements_are_priced() -> None:
    """Places by their prediction, a measured network nearly by what it measured."""
    one = world()
    measured = Evidence.of(cells((JAPAN, "network", "tokyo", 100.0, 400, 9)), one.pops)
    believed = Believed(one, measured)
    rows, keys = believed.rows(one.classes[0])
    row, pop = (np.array(column) for column in zip(*PAIRS, strict=True))
    got = believed.cost(rows, keys, row, pop.astype(np.uint16))
    assert got[:4].tolist() == [P50["tokyo"][0], P50["tokyo"][1], P50["osaka"][1], P50["ams"][3]]
    assert 95 < got[4] <= 100


def test_parts_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are priced some at a time."""
    believed = Believed(world(), Evidence.nothing(4))
    rows, keys = believed.rows(believed.world.classes[0])
    row, pop = (np.array(column) for column in zip(*PAIRS[:4], strict=True))
    whole = believed.cost(rows, keys, row, pop.astype(np.uint16))
    monkeypatch.setattr(pricing, "CHUNK", 3)
    assert believed.cost(rows, keys, row, pop.astype(np.uint16)).tolist() == whole.tolist()
