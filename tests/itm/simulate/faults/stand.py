"""The small world that the tests of scenarios share, made once per process."""

from __future__ import annotations

from functools import cache

from itm.simulate.faults.ground import Ground, Recordings, ground, recordings
from itm.simulate.faults.outcome import Outcome
from itm.simulate.faults.run import Run
from itm.simulate.faults.scenario import Scenario
from itm.simulate.faults.strategy import ITM, NEAREST, STATIC_GEO

NETWORKS = 1_000
"""Asked for; every recorded client has eight at least, which makes some 2,500."""

SEED = 0


@cache
def recorded() -> Recordings:
    return recordings()


@cache
def small() -> Ground:
    return ground(recorded(), NETWORKS, SEED)


@cache
def played(scenario: Scenario) -> Outcome:
    return Run(scenario, small(), SEED).play()


def beats_the_others(outcome: Outcome) -> bool:
    """Whether ITM loses less against the oracle than nearest and static-geo do, over the whole scenario."""
    others = (outcome.regret_ms(name) for name in (NEAREST, STATIC_GEO))
    return outcome.regret_ms(ITM) < min(others)
