"""Whether the quantiles mean what they say on networks the model never saw.

Of all held-out round trips, a quarter should lie below p25, half below p50 and three quarters below p75.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.evaluate import fold_models
from models.training import TrainingTable


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of held-out round trips below each quantile, and how many there were."""

    below_p25: float
    below_p50: float
    below_p75: float
    pairs: int


def coverage(table: TrainingTable, continents: Mapping[str, str], seed: int = 0) -> Coverage:
    """Return the coverage of one shuffle of five folds: all clients against all servers."""
    below = np.zeros(3)
    pairs = 0
    servers = np.flatnonzero(table.is_server)
    for predictor, held in fold_models(table, continents, seed=seed):
        clients = np.flatnonzero(np.isin(table.group, held) & ~table.is_server)
        truth = table.rtt_ms[np.ix_(clients, servers)]
        said = predictor.predict(table.sites.take(clients), table.sites.take(servers))
        below += [np.count_nonzero(truth < quantile) for quantile in (said.p25, said.p50, said.p75)]
        pairs += int(np.count_nonzero(np.isfinite(truth)))
    p25, p50, p75 = (below / pairs).tolist()
    return Coverage(p25, p50, p75, pairs)
