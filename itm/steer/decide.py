"""Run a steering class's chain over rows: facts in, ranked candidates out, with the trail for `why`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from itm.steer.classes import NOT_ALLOWED
from itm.steer.steps import BUILD_STEPS, GONE_POP, NO_POP, Facts, Running

CHUNK = 32_768
"""Rows decided at a time: bounds memory to some 40 MB for 50 POPs."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Per row: `ranks` (rows, K) POP indices in order, padded with `NO_POP`; `wanted` the POP that the
    chain would serve without stickiness; `gain_ms` what the new first POP saves against the served one
    (0 where nothing was served or nothing changes); `mandatory` where the served POP is out of the
    running or behind in it (gone, not allowed, another pool's, unavailable): no limit may keep it.
    """

    ranks: npt.NDArray[np.uint16]
    wanted: npt.NDArray[np.uint16]
    gain_ms: npt.NDArray[np.float32]
    mandatory: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ranks)

    def take(self, rows: npt.NDArray[np.intp]) -> Decision:
        """Return those rows."""
        return Decision(self.ranks[rows], self.wanted[rows], self.gain_ms[rows], self.mandatory[rows])

    def put(self, rows: npt.NDArray[np.intp], other: Decision) -> Decision:
        """Return this decision with `rows` replaced by those of `other`."""
        out = self.take(np.arange(len(self)))
        out.ranks[rows] = other.ranks
        out.wanted[rows] = other.wanted
        out.gain_ms[rows] = other.gain_ms
        out.mandatory[rows] = other.mandatory
        return out

    @classmethod
    def joined(cls, parts: Sequence[Decision]) -> Decision:
        """Return the rows of all parts, one after the other."""
        return cls(
            np.concatenate([d.ranks for d in parts]),
            np.concatenate([d.wanted for d in parts]),
            np.concatenate([d.gain_ms for d in parts]),
            np.concatenate([d.mandatory for d in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One step's place in the trail: the running after it."""

    step: str
    after: Running


def decide(facts: Facts, steer: tuple[str, ...], candidates: int) -> Decision:
    """Return the decision of every row of `facts`; `candidates` is K."""
    return _decision(trail(facts, steer)[-1].after, facts, candidates)


def trail(facts: Facts, steer: tuple[str, ...]) -> list[Stage]:
    """Return the running before the first step and after each one, in order.

    A chain without `allowed` ignores the order of a rule's pools, but never runs a POP that no pool names.
    """
    start = Running.start(facts)
    if "allowed" not in steer:
        start = start.but(tier=np.where(facts.tiers == NOT_ALLOWED, facts.tiers, start.tier))
    stages = [Stage("start", start)]
    for name in steer:
        step = BUILD_STEPS.get(name)
        if step is not None:
            stages.append(Stage(name, step(stages[-1].after, facts)))
    return stages


def _decision(running: Running, facts: Facts, candidates: int) -> Decision:
    order, out = running.ranking(), running.is_out()
    width = min(candidates, order.shape[1])
    ranks = np.full((len(order), candidates), NO_POP, dtype=np.uint16)
    ranks[:, :width] = order[:, :width]
    ranks[:, :width][np.take_along_axis(out, order[:, :width], axis=1)] = NO_POP
    ranks[running.is_alone, 1:] = NO_POP

    rows, best, first = np.arange(len(order)), order[:, 0], ranks[:, 0]
    moved = (facts.previous != NO_POP) & (facts.previous != first)
    gone = facts.previous == GONE_POP
    previous = np.where(moved & ~gone, facts.previous, best)
    gain = running.score[rows, previous] - running.score[rows, best]
    behind = running.tier[rows, previous] > running.tier[rows, best]
    wanted = np.where(running.wanted == NO_POP, best, running.wanted)
    return Decision(
        ranks,
        np.where(out[rows, wanted], first, wanted).astype(np.uint16),
        np.where(moved & (first != NO_POP), gain, 0).astype(np.float32),
        moved & (behind | out[rows, previous] | gone),
    )


def keep_served(ranks: npt.NDArray[np.uint16], previous: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Return the ranks with the served POP moved (or put) to the front of each row."""
    longer = np.concatenate([previous[:, None], ranks], axis=1)
    again = np.concatenate([np.zeros((len(ranks), 1), dtype=bool), ranks == previous[:, None]], axis=1)
    kept_first = np.argsort(again, axis=1, kind="stable")
    return np.take_along_axis(longer, kept_first, axis=1)[:, : ranks.shape[1]]
