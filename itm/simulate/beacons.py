"""`simulate beacons`: so many measurements of every POP by every network, and what the maps then cost.

In each round every recorded client's network measures every POP once, and a build follows. The predictor
never saw the networks. What is left of regret evidence does not mend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from itm.simulate.clients import Client
from itm.simulate.panel import Panel
from itm.simulate.recorded import STAGES, Outcome
from itm.steer.world import World

ROUND_SECONDS: Final = 300.0
"""From one beacon of a (network, POP) to the next; a build follows each."""

SETTLE_BUILDS: Final = 2
"""Builds without anything new before a look: a network moves when two agree."""


def outcomes(
    world: World, clients: Sequence[Client], seed: int, stages: Sequence[int] = STAGES
) -> list[Outcome]:
    """Return the POP of every client's network after each of so many beacons of every POP."""
    unit = np.array([client.network.unit for client in clients], np.uint64)
    panel = Panel(world, unit, np.array([client.rtt_ms for client in clients]), seed)
    found: list[Outcome] = []
    panel.build()
    done = 0
    for stage in stages:
        for _ in range(done, stage):
            panel.measure(ROUND_SECONDS)
            panel.build()
        for _ in range(SETTLE_BUILDS):
            panel.build()
        done = stage
        pops = panel.served().tolist()
        found += [Outcome(client, stage, pop) for client, pop in zip(clients, pops, strict=True)]
    return found
