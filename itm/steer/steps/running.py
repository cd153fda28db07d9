"""What the steps hand from one to the next: facts they read, and the state of the running they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.catalog.types import UNTUNED, Tuning
from itm.steer.classes import NOT_ALLOWED
from itm.steer.estimate import Estimate, Floats
from itm.steer.outcome import Change, Outcome
from itm.steer.ranks import put_second

NO_POP: Final = 0xFFFF
"""No POP: nothing was served before, or nobody is put first."""

GONE_POP: Final = 0xFFFE
"""A POP that was served and is not in the catalog any more: whoever had it moves, whatever comes."""


@dataclass(frozen=True, slots=True, eq=False)
class PopFacts:
    """What is known of each POP whoever asks: one column per POP.

    `bias_ms` is added to its estimates; `cost` is the operator's price (0 where the chain has no `cost`);
    `leg_ms` the round trip from it to the class's Resource Locations (0 where the chain has no `joint`).
    """

    bias_ms: Floats
    cost: Floats
    leg_ms: Floats


@dataclass(frozen=True, slots=True, eq=False)
class RuleFacts:
    """What a class's rules say of each POP: (rules, POPs).

    `tiers` is the position of the POP's first pool in the rule, or `NOT_ALLOWED`; of that pool are `position`
    (the POP's among its values), `weight`, and the handicap, `handicap_ms` and a share of the round trip.
    `common` is what orders those that no row ranks: what a POP costs the world at large, in ms.
    """

    tiers: npt.NDArray[np.uint8]
    position: npt.NDArray[np.uint16]
    weight: Floats
    handicap_ms: Floats
    handicap_share: Floats
    common: Floats

    def largest_pool(self) -> int:
        """Return how many POPs the largest pool of any rule has that a client may get."""
        allowed = self.tiers != NOT_ALLOWED
        counts = [
            np.bincount(tiers[own]) for tiers, own in zip(self.tiers, allowed, strict=True) if own.any()
        ]
        return max((int(count.max()) for count in counts), default=0)


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What all rows of one class have in common: its POPs, its rules, and what it says to its steps; what own
    steps said of its rows; and whether TTLs follow certainty (`adapts`).
    """

    pops: PopFacts
    rules: RuleFacts
    tuning: Tuning = UNTUNED
    own: tuple[Outcome, ...] = ()
    adapts: bool = False

    def facts(
        self,
        estimate: Estimate,
        rule: npt.NDArray[np.uint8],
        previous: npt.NDArray[np.uint16],
        challenger: npt.NDArray[np.uint16],
        keys: npt.NDArray[np.uint64],
        rest: Rest | None = None,
    ) -> Facts:
        """Return the facts of rows of this class; every row has a `rule`, and a key in `keys`."""
        own = {outcome.step: outcome.of(keys) for outcome in self.own if not outcome.fault}
        tiers = self.rules.tiers[rule]
        return Facts(estimate, rule, tiers, previous, challenger, self, own, rest=rest)


@dataclass(frozen=True, slots=True, eq=False)
class Grants:
    """What is granted to rows where not everybody can have the first choice, one column per POP.

    `share` is the part of the row that each POP is to get (all 0: whatever the chain says); `spare` who is to
    stand second (`NO_POP`: whoever does).
    """

    share: Floats
    spare: npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """Who rests after a move, per row: `is_resting`, one that stays for now; `left`, the POP that it does not
    go back to yet (`NO_POP`: none).
    """

    is_resting: npt.NDArray[np.bool_]
    left: npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What a step may read, one row per place or measured prefix, one column per POP.

    `rule` is the row's, `tiers` are that rule's; `previous` the POP the live map serves (`NO_POP`,
    `GONE_POP`), `challenger` the POP that the build before this one would have liked better (`NO_POP`: none);
    `own` has the change of every own step that ran; `granted` is what the assignment says of these rows, None
    where it says nothing of any; `rest` which rows moved of late, None where none of them did.
    """

    estimate: Estimate
    rule: npt.NDArray[np.uint8]
    tiers: npt.NDArray[np.uint8]
    previous: npt.NDArray[np.uint16]
    challenger: npt.NDArray[np.uint16]
    terms: Terms
    own: Mapping[str, Change]
    granted: Grants | None = None
    rest: Rest | None = None

    @property
    def pops(self) -> PopFacts:
        """What is known of each POP whoever asks."""
        return self.terms.pops

    @property
    def tuning(self) -> Tuning:
        """What the service says to its steps."""
        return self.terms.tuning


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """The state between two steps.

    Per row and POP: `tier`, lower is preferred, `NOT_ALLOWED` is out; `order` within a tier, lower is
    preferred; `score` in ms, lower is better within both; `share` of the answers that the POP gets, in any
    unit (all 0: the first gets everything); `full` where it stands behind all that are not. Per row: `first`,
    a POP put before all others; `wanted`, the POP that would have been first without stickiness; `nearest`,
    the one that would have been by the client's leg alone; `is_alone` where only the first is a candidate;
    `spare`, a POP put second.
    """

    tier: npt.NDArray[np.uint8]
    order: npt.NDArray[np.uint16]
    score: Floats
    first: npt.NDArray[np.uint16]
    wanted: npt.NDArray[np.uint16]
    nearest: npt.NDArray[np.uint16]
    is_alone: npt.NDArray[np.bool_]
    share: Floats
    full: npt.NDArray[np.bool_]
    spare: npt.NDArray[np.uint16]

    @classmethod
    def start(cls, facts: Facts) -> Running:
        """Everyone runs and is equal: ties stand in catalog order."""
        shape = facts.tiers.shape
        nobody = np.full(shape[0], NO_POP, dtype=np.uint16)
        return cls(
            tier=np.zeros(shape, dtype=np.uint8),
            order=np.zeros(shape, dtype=np.uint16),
            score=np.zeros(shape, dtype=np.float32),
            first=nobody,
            wanted=nobody,
            nearest=nobody,
            is_alone=np.zeros(shape[0], dtype=bool),
            share=np.broadcast_to(np.float32(0), shape),
            full=np.broadcast_to(np.False_, shape),
            spare=nobody,
        )

    def but(self, **changes: npt.NDArray[np.generic]) -> Running:
        """Return the state with some of its fields replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def ranking(self) -> npt.NDArray[np.uint16]:
        """Return (rows, POPs): the POPs in order; the ones that are out stand last."""
        # A stable sort: equal scores stay in catalog order, so a build is reproducible.
        order = np.argsort(self._key(), axis=1, kind="stable").astype(np.uint16)
        rows = np.flatnonzero(self.spare != NO_POP)
        order[rows] = put_second(order[rows], self.spare[rows])
        return order

    def unlimited(self) -> Running:
        """Return the running as if no POP were full."""
        return self.but(full=np.broadcast_to(np.False_, self.full.shape)) if self.full.any() else self

    def best(self) -> npt.NDArray[np.uint16]:
        """Return the first POP of every row's ranking, ties in catalog order."""
        best: npt.NDArray[np.uint16] = self._key().argmin(axis=1).astype(np.uint16)
        return best

    def is_out(self) -> npt.NDArray[np.bool_]:
        """Return (rows, POPs): who is out of the running."""
        out: npt.NDArray[np.bool_] = self.tier == NOT_ALLOWED
        return out

    def _key(self) -> npt.NDArray[np.float64]:
        """Return what the ranking sorts by: who is put first and not out, then full, tier, order, score."""
        # Exact: tier and order take 24 bits of a float64's 53, a score of tenths of ms below 1e6 the rest.
        key = (self.tier.astype(np.float64) * 65_536 + self.order) * 1e6 + self.score
        key += self.full * 1e14
        ahead = np.flatnonzero(self.first != NO_POP)
        ahead = ahead[self.tier[ahead, self.first[ahead]] != NOT_ALLOWED]
        key[ahead, self.first[ahead]] = -1.0
        return key
