from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pytest

from itm.simulate.faults.outcome import Outcome
from itm.simulate.faults.run import CYCLE_SECONDS, Run
from itm.simulate.faults.scenarios.congested_isp import SCENARIO
from itm.simulate.faults.strategy import ITM
from tests.itm.simulate.faults.stand import SEED, beats_the_others, small

FAULT, OVER = 10.0, 70.0
CYCLE = CYCLE_SECONDS / 60
BEACONS = 20


@dataclass
class Watch:
    """Notes who is served what at a minute."""

    minute: float
    served: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def happen(self, run: Run) -> None:
        self.served.append(run.served(ITM).copy())


@dataclass
class Watched:
    outcome: Outcome
    before: npt.NDArray[np.int64]
    late: npt.NDArray[np.int64]
    twentieth: float


@pytest.fixture(scope="module")
def watched() -> Watched:
    before, late = Watch(FAULT - 1), Watch(OVER - 1)
    run = Run(replace(SCENARIO, events=(before, late)), small(), SEED)
    units = run.networks.unit[run.networks.asn == SCENARIO.faults[0].asn]  # type: ignore[attr-defined]
    heard: list[float] = []
    receive = run.server.receive

    def listen(records: npt.NDArray[np.void], now: float) -> None:
        own = np.isin(records["unit"], units) & (records["pop"] == b"w14-aws-us-e") & (records["metric"] == 1)
        heard.extend([run.minute] * int(own.sum()) if run.minute > FAULT else [])
        receive(records, now)

    run.server.receive = listen  # type: ignore[method-assign]
    outcome = run.play()
    return Watched(outcome, before.served[0], late.served[0], heard[BEACONS - 1])


def test_itm_loses_less_than_the_others(watched: Watched) -> None:
    """Nobody else can tell one provider's way from another's."""
    assert beats_the_others(watched.outcome)


def test_the_providers_users_move_within_three_cycles_of_twenty_beacons(watched: Watched) -> None:
    """Half of the demand that is hit, counted from the build that had the twentieth beacon."""
    moving = watched.outcome.moving(ITM)
    assert moving.hit > 0.015
    assert moving.half is not None
    assert FAULT + moving.half <= watched.twentieth + 3 * CYCLE + 0.5


def test_only_its_users_move(watched: Watched) -> None:
    """Of the demand of all others less than half a per cent has left the POP at the end of the hour."""
    networks = small().networks
    others = networks.asn != SCENARIO.faults[0].asn  # type: ignore[attr-defined]
    moved = watched.before != watched.late
    there = watched.before == 0
    assert networks.weight[others & there & moved].sum() < 0.005
    hit = ~others & there
    assert networks.weight[hit & moved].sum() > 0.8 * networks.weight[hit].sum()
