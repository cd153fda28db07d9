"""What a run came to: a table of phases and strategies, how fast demand moved, and points for a plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from itm.simulate.faults.scenario import Scenario
from itm.simulate.faults.tally import Line


@dataclass(frozen=True, slots=True)
class Point:
    """The end of one step, by strategy: mean regret (ms), share of demand served, share that is hit, share
    above the room of its POP, and the fullest POP's load as a share of its room.
    """

    minute: float
    regret_ms: Mapping[str, float]
    available: Mapping[str, float]
    hit: Mapping[str, float]
    over: Mapping[str, float]
    fullest: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Moving:
    """How one strategy gets demand away from the fault: `hit` the share of demand that loses by it when it
    begins; minutes until half and 95 % of that do not any more, None when they never come that far.
    """

    strategy: str
    hit: float
    half: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All of one run; `told` are minutes and sentences of what was said on the way."""

    scenario: Scenario
    networks: int
    lines: tuple[Line, ...]
    points: tuple[Point, ...]
    told: tuple[tuple[float, str], ...]

    def line(self, strategy: str, phase: str) -> Line:
        """Return one line of the table; raises `KeyError`."""
        for line in self.lines:
            if (line.strategy, line.phase) == (strategy, phase):
                return line
        raise KeyError((strategy, phase))

    def regret_ms(self, strategy: str) -> float:
        """Return a strategy's mean regret over all phases, weighted by their time."""
        length = {phase.name: phase.end - phase.start for phase in self.scenario.phases}
        lines = [line for line in self.lines if line.strategy == strategy]
        return float(np.average([line.regret_ms for line in lines], weights=[length[o.phase] for o in lines]))

    def moving(self, strategy: str) -> Moving:
        """Return how fast demand moved after the scenario's `hit`, from when the most of it is hit."""
        start = self.scenario.hit
        after = [point for point in self.points if point.minute > start]
        left = [point.hit[strategy] for point in after]
        most = max(left, default=0.0)
        top = left.index(most) if left else 0
        times = [_since(after[top:], left[top:], most * share, start) for share in (0.5, 0.05)]
        return Moving(strategy, most, *times)


def _since(points: list[Point], left: list[float], below: float, start: float) -> float | None:
    for point, share in zip(points, left, strict=True):
        if share <= below:
            return point.minute - start
    return None
