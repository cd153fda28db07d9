"""What the steps hand from one to the next: facts they read, and the state of the running they change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from itm.steer.classes import NOT_ALLOWED
from itm.steer.estimate import Estimate

NO_POP: Final = 0xFFFF
"""No POP: nothing was served before, or nobody is put first."""

GONE_POP: Final = 0xFFFE
"""A POP that was served and is not in the catalog any more: whoever had it moves, whatever comes."""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What a step may read, one row per place or measured prefix, one column per POP.

    `tiers` are the row's rule positions, `previous` the POP the live map serves (`NO_POP`, `GONE_POP`),
    `challenger` the POP that the build before this one would have liked better (`NO_POP`: none), `bias_ms`
    per POP.
    """

    estimate: Estimate
    tiers: npt.NDArray[np.uint8]
    bias_ms: npt.NDArray[np.float32]
    previous: npt.NDArray[np.uint16]
    challenger: npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """The state between two steps.

    `tier` (rows, POPs): lower is preferred, `NOT_ALLOWED` is out; `score` (rows, POPs): ms, lower is
    better within a tier; `first` (rows): a POP put before all others; `wanted` (rows): the POP that
    would have been first without stickiness.
    """

    tier: npt.NDArray[np.uint8]
    score: npt.NDArray[np.float32]
    first: npt.NDArray[np.uint16]
    wanted: npt.NDArray[np.uint16]

    @classmethod
    def start(cls, facts: Facts) -> Running:
        """Everyone runs, in catalog order."""
        rows, pops = facts.tiers.shape
        order = np.broadcast_to(np.arange(pops, dtype=np.float32), (rows, pops))
        nobody = np.full(rows, NO_POP, dtype=np.uint16)
        return cls(np.zeros((rows, pops), dtype=np.uint8), order, nobody, nobody)

    def but(self, **changes: npt.NDArray[np.generic]) -> Running:
        """Return the state with some of its fields replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def ranking(self) -> npt.NDArray[np.uint16]:
        """Return (rows, POPs): the POPs in order; the ones that are out stand last."""
        # A stable sort: equal scores stay in catalog order, so a build is reproducible.
        return np.argsort(self._key(), axis=1, kind="stable").astype(np.uint16)

    def best(self) -> npt.NDArray[np.uint16]:
        """Return the first POP of every row's ranking, ties in catalog order."""
        best: npt.NDArray[np.uint16] = self._key().argmin(axis=1).astype(np.uint16)
        return best

    def is_out(self) -> npt.NDArray[np.bool_]:
        """Return (rows, POPs): who is out of the running."""
        out: npt.NDArray[np.bool_] = self.tier == NOT_ALLOWED
        return out

    def _key(self) -> npt.NDArray[np.float64]:
        """Return what the ranking sorts by: who is put first and not out, then tier, then score."""
        key: npt.NDArray[np.float64] = self.tier.astype(np.float64) * 1e9 + self.score
        ahead = np.flatnonzero(self.first != NO_POP)
        ahead = ahead[self.tier[ahead, self.first[ahead]] != NOT_ALLOWED]
        key[ahead, self.first[ahead]] = -1.0
        return key
