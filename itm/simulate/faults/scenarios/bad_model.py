"""A predictor is trained from a table whose round trips belong to other pairs: it may not go live."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from itm.simulate.faults.events import ModelOffered
from itm.simulate.faults.scenario import Phase, Scenario
from models.training import TrainingTable


def shuffled(table: TrainingTable) -> TrainingTable:
    """Return the table with its known round trips dealt out anew."""
    rtt_ms = table.rtt_ms.copy()
    known = np.isfinite(rtt_ms)
    rtt_ms[known] = np.random.default_rng(0).permutation(rtt_ms[known])
    return replace(table, rtt_ms=rtt_ms)


SCENARIO = Scenario(
    name="bad-model",
    title="A predictor is trained anew, from a table whose round trips belong to other pairs.",
    minutes=60,
    phases=(Phase("before", 0, 20), Phase("after", 20, 60)),
    events=(ModelOffered(20, "the new predictor", shuffled),),
)
