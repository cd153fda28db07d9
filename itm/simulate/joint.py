"""`simulate joint`: what the step `joint` saves on recorded ways between clients, POPs and desktops.

Every pair of held-out nodes is a client and a place with desktops. The real chain chooses the POP by the
client's leg alone and by both; the whole way it gets is the recorded one. Neither end was seen in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.steer.decide import decide
from itm.steer.estimate import Estimate, Floats, from_prediction
from itm.steer.steps import NO_POP, PopFacts, RuleFacts, Terms
from models.artifact import Predictor
from models.training import TrainingTable

ALONE: Final = ("up", "allowed", "fastest")
JOINT: Final = (*ALONE, "joint")


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """The whole way of each pair, in ms, with the POP chosen by the client's leg alone, by both legs with the
    one behind it predicted, or measured, and the shortest there is; and where the first two differ.
    """

    alone: Floats
    predicted: Floats
    measured: Floats
    least: Floats
    is_moved: npt.NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[Ways]) -> Ways:
        """Return the pairs of all parts."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


def ways_of(
    predictor: Predictor,
    table: TrainingTable,
    pops: npt.NDArray[np.intp],
    held: npt.NDArray[np.int64],
) -> Ways:
    """Return the ways between nodes of the `held` groups over the nodes `pops`, every pair both ways."""
    known = np.isfinite(table.rtt_ms[:, pops]).all(axis=1)
    ends = np.setdiff1d(np.flatnonzero(np.isin(table.group, held) & known), pops)
    answer = predictor.predict(table.sites.take(ends), table.sites.take(pops))
    estimate = from_prediction(*(q.astype(np.float32) for q in (answer.p25, answer.p50, answer.p75)))
    true = table.rtt_ms[np.ix_(ends, pops)].astype(np.float32)
    nearest = _chosen(estimate, np.zeros(len(pops), dtype=np.float32), ALONE)
    parts = []
    for at, desktop in enumerate(ends):
        others = np.flatnonzero(table.group[ends] != table.group[desktop])
        whole = true[others] + true[at]
        predicted = _chosen(estimate, np.round(estimate.rtt[at]), JOINT)[others]
        measured = _chosen(estimate, np.round(true[at]), JOINT)[others]
        rows, alone = np.arange(len(others)), nearest[others]
        parts.append(
            Ways(
                alone=whole[rows, alone],
                predicted=whole[rows, predicted],
                measured=whole[rows, measured],
                least=whole.min(axis=1),
                is_moved=predicted != alone,
            )
        )
    return Ways.joined(parts)


def _chosen(estimate: Estimate, leg_ms: Floats, steer: tuple[str, ...]) -> npt.NDArray[np.uint16]:
    """Return the POP that the chain chooses for every client."""
    rows, pops = estimate.rtt.shape
    none = np.zeros((1, pops), dtype=np.float32)
    tiers, first = np.zeros((1, pops), dtype=np.uint8), np.zeros((1, pops), dtype=np.uint16)
    rules = RuleFacts(tiers, first, none + 1, none, none, none)
    terms = Terms(PopFacts(none[0], none[0], leg_ms), rules)
    nobody = np.full(rows, NO_POP, dtype=np.uint16)
    facts = terms.facts(estimate, np.zeros(rows, np.uint8), nobody, nobody, np.arange(rows).astype(np.uint64))
    return decide(facts, steer, 1).ranks[:, 0]


def summary(ways: Ways) -> dict[str, Any]:
    """Return means in ms over all pairs, and over those that `joint` moves."""
    gain = ways.alone - ways.predicted
    moved = gain[ways.is_moved] if ways.is_moved.any() else np.zeros(1, dtype=np.float32)
    return {
        "pairs": len(gain),
        "client_leg_alone_ms": round(float(ways.alone.mean()), 2),
        "joint_predicted_ms": round(float(ways.predicted.mean()), 2),
        "joint_measured_ms": round(float(ways.measured.mean()), 2),
        "least_ms": round(float(ways.least.mean()), 2),
        "gain_ms": round(float(gain.mean()), 2),
        "moved_share": round(float(ways.is_moved.mean()), 4),
        "gain_of_moved_ms": round(float(moved.mean()), 2),
        "gain_of_moved_p90_ms": round(float(np.quantile(moved, 0.9)), 2),
        "worse_by_5_ms_share": round(float((gain < -5).mean()), 4),
    }
