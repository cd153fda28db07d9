"""Old map against new map: a gate for a person's change, a rate limiter for the automatic loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.errors import UnsafePlan
from itm.steer.arrivals import Arrivals
from itm.steer.decide import Decision
from itm.steer.ranks import put_first
from itm.steer.steps import NO_POP

LARGEST_MS: Final = 1e6
"""More than any gain: who makes room goes before who only gets faster."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a candidate list is, and how much of demand may move at once (1.0: no limit).

    `near` candidates of each row are kept for the assignment, 0 where no POP can be full; `loss_ms` is what a
    row may lose to share a scope (0: nothing).
    """

    candidates: int
    max_moved_share: float
    near: int = 0
    loss_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing would do to one steering class, weighted by demand.

    Shares are 0..1 of all demand; `gained_ms` and `lost_ms` are means over all demand of what the moved
    rows win and lose; `held_share` is what the limiter kept back; `load` the share of demand per POP;
    `joint_gain_ms` what the mean way to the Resource Location saves against choosing by the client's leg.
    Where POPs can be full, of all classes: the `sessions` of each, and how `full` it is (1: its capacity).
    """

    moved_share: float
    mandatory_share: float
    held_share: float
    gained_ms: float
    lost_ms: float
    load: Mapping[str, float] = field(default_factory=dict)
    load_before: Mapping[str, float] = field(default_factory=dict)
    sessions: Mapping[str, float] = field(default_factory=dict)
    full: Mapping[str, float] = field(default_factory=dict)
    joint_gain_ms: float = 0.0

    @classmethod
    def of_all(cls, plans: Sequence[Plan]) -> Plan:
        """Return what successive builds do together: from the load before the first to that of the last."""
        names = ("moved_share", "mandatory_share", "gained_ms", "lost_ms")
        sums = {name: sum(getattr(one, name) for one in plans) for name in names}
        return replace(plans[-1], load_before=plans[0].load_before, **sums)

    def raise_if_unsafe(self, limit: float, force: bool) -> None:
        """Raise `UnsafePlan` with the numbers if more than `limit` of demand moves unforced."""
        if self.moved_share > limit and not force:
            raise UnsafePlan(
                f"{self.moved_share:.1%} of demand would change its POP (limit {limit:.0%}; "
                f"gained {self.gained_ms:.2f} ms, lost {self.lost_ms:.2f} ms on average); --force does it"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-ready data."""
        return asdict(self)


def by_class(plans: Sequence[Plan]) -> dict[str, Any]:
    """Return the Plans of all classes as JSON-ready data."""
    return {f"class {index}": one.as_dict() for index, one in enumerate(plans)}


def plan(
    decision: Decision,
    previous: npt.NDArray[np.uint16],
    weight: npt.NDArray[np.float32],
    pops: tuple[str, ...],
) -> Plan:
    """Compare the decision with what is served; rows that were never served count as unmoved."""
    # In double precision sums of /24s are exact: no share is above 1 by rounding.
    demand = weight.astype(np.float64)
    total = max(float(demand.sum()), 1e-9)
    first = decision.ranks[:, 0]
    served = previous != NO_POP
    moved = served & (first != previous)
    gain = np.where(moved, decision.gain_ms, 0) * demand
    before = np.where(served, previous, first)
    known = before < len(pops)
    load_before = np.bincount(before[known], demand[known], minlength=len(pops)).astype(np.float64)
    return Plan(
        moved_share=float(demand[moved].sum()) / total,
        mandatory_share=float(demand[moved & decision.mandatory].sum()) / total,
        held_share=0.0,
        gained_ms=float(gain[gain > 0].sum()) / total,
        lost_ms=float(-gain[gain < 0].sum()) / total,
        load=_shares(decision.load(demand, len(pops)), total, pops),
        load_before=_shares(load_before, total, pops),
        joint_gain_ms=float((decision.joint_ms * demand).sum()) / total,
    )


def limited(
    decision: Decision,
    previous: npt.NDArray[np.uint16],
    weight: npt.NDArray[np.float32],
    pops: tuple[str, ...],
    max_share: float,
    arrivals: Arrivals | None = None,
) -> tuple[Decision, Plan, npt.NDArray[np.intp]]:
    """Return the largest safe part of a decision, its Plan, and the rows that were held.

    Mandatory rows move whatever the limit; of the others first those that leave a full POP, then those with
    the largest gain, until `max_share` of demand has moved, or at a POP what `arrivals` allows there. The
    rest keep their POP for now (`held_share`). Where nothing at all would move the most urgent row does,
    however heavy: it would bar the way of all others for ever.
    """
    whole = plan(decision, previous, weight, pops)
    if whole.moved_share <= max_share and arrivals is None:
        return decision, whole, np.zeros(0, dtype=np.intp)
    demand = weight.astype(np.float64)
    total = max(float(demand.sum()), 1e-9)
    moved = np.flatnonzero((previous != NO_POP) & (decision.ranks[:, 0] != previous))
    gives_way = decision.ranks[moved, 0] != decision.wanted[moved]
    urgency = np.where(gives_way, np.float32(LARGEST_MS), decision.gain_ms[moved])
    urgency = np.where(decision.mandatory[moved], np.float32(np.inf), urgency)
    order = moved[np.argsort(-urgency, kind="stable")]
    share = np.cumsum(demand[order]) / total
    over = share > max_share
    over[:1] = over[:1] & (max_share <= 0)
    if arrivals is not None:
        over |= arrivals.crowds(order, decision.ranks[order, 0])
    held = order[over & ~decision.mandatory[order]]
    if not len(held):
        return decision, whole, held
    ranks = decision.ranks.copy()
    ranks[held] = put_first(decision.ranks[held], previous[held])
    shares = decision.shares.copy()
    shares[held] = 0  # who is held stays whole where it is, for now
    part = replace(decision.apart(held), ranks=ranks, shares=shares)
    held_share = float(demand[held].sum()) / total
    return part, replace(plan(part, previous, weight, pops), held_share=held_share), held


def _shares(load: npt.NDArray[np.float64], total: float, pops: tuple[str, ...]) -> dict[str, float]:
    return {name: round(float(one) / total, 6) for name, one in zip(pops, load, strict=True)}
