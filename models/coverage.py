"""Whether the quantiles mean what they say on networks the model never saw.

Of all held-out round trips, as many should lie below each quantile as its level says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.evaluate import HeldOut, Nodes
from models.latency import LEVELS
from models.training import TrainingTable


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of held-out round trips below each of `LEVELS`, and how many there were in every round."""

    below: tuple[float, ...]
    pairs: int

    @property
    def inside(self) -> float:
        """The share within the 90 % interval."""
        return self.below[-1] - self.below[0]


def coverage(table: TrainingTable, rounds: Sequence[HeldOut], world: Nodes | None = None) -> Coverage:
    """Return the coverage of all clients against the servers of `world` (all servers by default).

    A server counts as often as it stands there: sets may be laid side by side.
    """
    clients, servers = rounds[0].clients, rounds[0].servers
    columns = np.arange(len(servers)) if world is None else np.searchsorted(servers, world)
    truth = table.rtt_ms[np.ix_(clients, servers[columns])]
    below = np.zeros(len(LEVELS))
    for held_out in rounds:
        below += (truth < held_out.quantiles[:, :, columns]).sum(axis=(1, 2))
    pairs = int(np.isfinite(truth).sum())
    return Coverage(tuple((below / (pairs * len(rounds))).tolist()), pairs)
