"""Run a steering class's chain over rows: facts in, ranked candidates out, with the trail for `why`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from itm.catalog.types import OWN_PREFIX
from itm.routemap.routemap import WHOLE
from itm.steer.certainty import certainty
from itm.steer.classes import NOT_ALLOWED
from itm.steer.regret import costs
from itm.steer.standins import Masks, stand_ins_of
from itm.steer.steps import BUILD_STEPS, GONE_POP, NO_POP, Facts, Running, own

CHUNK = 32_768
"""Rows decided at a time: bounds memory to some 40 MB for 50 POPs."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Per row: `ranks` (rows, K) POP indices in order, padded with `NO_POP`; `wanted` the POP that the
    chain would serve without stickiness; `gain_ms` what the new first POP saves against the served one
    (0 where nothing was served or nothing changes); `mandatory` where the served POP is out of the
    running or behind in it (gone, not allowed, another pool's, unavailable): no limit may keep it; `shares`
    (rows, K) how the answers are spread over the ranks, in 255ths (all 0: the first gets everything); `ttl`
    the class of the answer's TTL, 0 the least; `joint_ms` what the first POP's whole way saves against that
    of the POP that is nearest to the client alone (0 without `joint`). Where capacities count, `near` (rows,
    k) has the first of the order as the chain made it, and `near_ms` what each costs more than the first.
    `stand_ins` are the POPs that may be answered in place of the first two (`itm.steer.standins`).
    """

    ranks: npt.NDArray[np.uint16]
    wanted: npt.NDArray[np.uint16]
    gain_ms: npt.NDArray[np.float32]
    mandatory: npt.NDArray[np.bool_]
    shares: npt.NDArray[np.uint8]
    ttl: npt.NDArray[np.uint8]
    joint_ms: npt.NDArray[np.float32]
    near: npt.NDArray[np.uint16]
    near_ms: npt.NDArray[np.float32]
    stand_ins: Masks

    def __len__(self) -> int:
        return len(self.ranks)

    def take(self, rows: npt.NDArray[np.intp]) -> Decision:
        """Return those rows."""
        return Decision(*(getattr(self, name)[rows] for name in self.__slots__))

    def put(self, rows: npt.NDArray[np.intp], other: Decision) -> Decision:
        """Return this decision with `rows` replaced by those of `other`."""
        out = self.take(np.arange(len(self)))
        for name in self.__slots__:
            getattr(out, name)[rows] = getattr(other, name)
        return out

    @classmethod
    def joined(cls, parts: Sequence[Decision]) -> Decision:
        """Return the rows of all parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    def apart(self, rows: npt.NDArray[np.intp]) -> Decision:
        """Return the same with nobody standing in for these rows, and their TTLs the least."""
        stand_ins, ttl = self.stand_ins.copy(), self.ttl.copy()
        stand_ins[rows] = ttl[rows] = 0
        return replace(self, stand_ins=stand_ins, ttl=ttl)

    def load(self, demand: npt.NDArray[np.float64], pops: int) -> npt.NDArray[np.float64]:
        """Return what each of `pops` POPs gets of the rows' demand, by the shares where there are any."""
        is_shared = self.shares.any(axis=1)
        plain = np.flatnonzero(~is_shared & (self.ranks[:, 0] < pops))
        row, rank = np.nonzero(self.shares)
        pop = np.append(self.ranks[plain, 0], self.ranks[row, rank])
        part = np.append(demand[plain], self.shares[row, rank] / WHOLE * demand[row])
        return np.bincount(pop, part, minlength=pops).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One step's place in the trail: the running after it."""

    step: str
    after: Running


def decide(
    facts: Facts, steer: tuple[str, ...], candidates: int, near: int = 0, loss_ms: float = 0.0
) -> Decision:
    """Return the decision of all rows; `candidates` is K, or more where a pool shares, and `near` is k.

    `loss_ms` is what a row may lose to share a scope.
    """
    width = max(candidates, facts.terms.rules.largest_pool() if "weighted" in steer else 0)
    return _decision(trail(facts, steer)[-1].after, facts, width, near, loss_ms)


def trail(facts: Facts, steer: tuple[str, ...]) -> list[Stage]:
    """Return the running before the first step and after each one, in order.

    An own step that did not run changes nothing. A chain without `allowed` ignores the order of a rule's
    pools, but never runs a POP that no pool names.
    """
    start = Running.start(facts)
    if "allowed" not in steer:
        start = start.but(tier=np.where(facts.tiers == NOT_ALLOWED, facts.tiers, start.tier))
    stages = [Stage("start", start)]
    for name in steer:
        before = stages[-1].after
        if name.startswith(OWN_PREFIX):
            stages.append(Stage(name, own(before, facts.own[name]) if name in facts.own else before))
        elif name in BUILD_STEPS:
            stages.append(Stage(name, BUILD_STEPS[name](before, facts)))
    return stages


def _decision(
    running: Running, facts: Facts, candidates: int, near: int = 0, loss_ms: float = 0.0
) -> Decision:
    order, out = running.ranking(), running.is_out()
    width = min(candidates, order.shape[1])
    ranks = np.full((len(order), candidates), NO_POP, dtype=np.uint16)
    ranks[:, :width] = order[:, :width]
    ranks[:, :width][np.take_along_axis(out, order[:, :width], axis=1)] = NO_POP
    share = np.take_along_axis(running.share, order[:, :width], axis=1)
    share = np.where(ranks[:, :width] == NO_POP, 0, share)
    ranks[:, 1:width][running.is_alone[:, None] & (share[:, 1:] == 0)] = NO_POP

    rows, best, first = np.arange(len(order)), order[:, 0], ranks[:, 0]
    moved = (facts.previous != NO_POP) & (facts.previous != first)
    gone = facts.previous == GONE_POP
    previous = np.where(moved & ~gone, facts.previous, best)
    gain = running.score[rows, previous] - running.score[rows, best]
    behind = running.tier[rows, previous] > running.tier[rows, best]
    wanted = np.where(running.wanted == NO_POP, best, running.wanted)
    shares = np.zeros(ranks.shape, dtype=np.uint8)
    shares[:, :width] = in_255ths(share)
    return Decision(
        ranks,
        np.where(out[rows, wanted], first, wanted).astype(np.uint16),
        np.where(moved & (first != NO_POP), gain, 0).astype(np.float32),
        moved & (behind | out[rows, previous] | gone),
        shares,
        certainty(running, facts, ranks, shares) if facts.terms.adapts else np.zeros(len(order), np.uint8),
        _joint_ms(running, best),
        *costs(running, order[:, :near]),
        stand_ins_of(running, ranks, shares, loss_ms),
    )


def _joint_ms(running: Running, best: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    rows = np.arange(len(best))
    asked = running.nearest != NO_POP
    nearest = np.where(asked, running.nearest, best)
    fair = asked & (running.tier[rows, nearest] == running.tier[rows, best])
    saved = running.score[rows, nearest] - running.score[rows, best]
    return np.where(fair, saved, 0).astype(np.float32)


def in_255ths(share: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Return each row's shares as whole numbers that add up to 255 (largest remainders, ties by rank).

    Rows without any, and those whose first gets everything, are 0.
    """
    found = np.zeros(share.shape, dtype=np.uint8)
    rows = np.flatnonzero((share[:, 1:] > 0).any(axis=1))
    if not len(rows):
        return found
    own = share[rows].astype(np.float64)
    exact = own / own.sum(axis=1, keepdims=True) * WHOLE
    low = np.floor(exact)
    missing = WHOLE - low.sum(axis=1, keepdims=True)
    place = np.argsort(np.argsort(low - exact, axis=1, kind="stable"), axis=1, kind="stable")
    whole = (low + (place < missing)).astype(np.uint8)
    whole[whole[:, 0] == WHOLE] = 0
    found[rows] = whole
    return found
