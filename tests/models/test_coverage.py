from __future__ import annotations

import numpy as np
import pytest

from models.coverage import coverage
from models.evaluate import estimators, hold_out
from models.latency import LEVELS
from models.training import TrainingTable


def test_as_many_lie_below_each_quantile_as_it_says(table: TrainingTable, continents: dict[str, str]) -> None:
    """Every client with every server of the world, on networks the model never saw."""
    rounds = [hold_out(table, continents, {"model": estimators()["model"]}, seed=seed)[0] for seed in (0, 1)]
    covered = coverage(table, rounds)
    assert covered.below == pytest.approx(LEVELS, abs=0.06)
    assert covered.inside == pytest.approx(0.9, abs=0.06)
    assert covered.pairs == (~table.is_server).sum() * table.is_server.sum()
    some = np.flatnonzero(table.is_server)[:3]
    assert coverage(table, rounds, some).pairs == (~table.is_server).sum() * 3
    twice = coverage(table, rounds, np.concatenate([some, some]))
    assert twice.below == pytest.approx(coverage(table, rounds, some).below)
