from __future__ import annotations

import numpy as np
import pytest

from itm.simulate.joint import summary, ways_of
from models.artifact import Prediction
from models.prior import floor_ms
from models.sites import Sites
from models.training import TrainingTable
from tests.models.conftest import invent


class Exact:
    """A predictor that knows an Internet without detours."""

    def predict(self, clients: Sites, servers: Sites) -> Prediction:
        p50 = 1.4 * floor_ms(clients, servers)
        return Prediction(p50, p50, p50)


@pytest.fixture
def table() -> TrainingTable:
    return invent(detour=False)


def test_counting_both_legs_is_never_longer_when_both_are_known(table: TrainingTable) -> None:
    """With the truth predicted, `joint` finds the shortest way, but for the rounding of legs to whole ms."""
    pops = np.flatnonzero(table.is_server)
    ways = ways_of(Exact(), table, pops, np.unique(table.group))  # type: ignore[arg-type]
    told = summary(ways)
    assert told["pairs"] == len(ways.least) > 5000
    assert (ways.least <= ways.alone + 1e-3).all()
    assert told["joint_predicted_ms"] == told["joint_measured_ms"]
    assert told["joint_predicted_ms"] - told["least_ms"] < 0.3
    assert told["gain_ms"] > 0
    assert np.allclose(ways.alone[~ways.is_moved], ways.predicted[~ways.is_moved])


def test_ends_of_one_group_and_pops_are_no_pair(table: TrainingTable) -> None:
    """Who shares a network with the desktop needs no POP in between."""
    pops = np.flatnonzero(table.is_server)[:3]
    held = np.unique(table.group)[:2]
    nodes = np.setdiff1d(np.flatnonzero(np.isin(table.group, held)), pops)
    pairs = sum(int((table.group[nodes] != table.group[one]).sum()) for one in nodes)
    ways = ways_of(Exact(), table, pops, held)  # type: ignore[arg-type]
    assert summary(ways)["pairs"] == pairs
