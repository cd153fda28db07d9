"""What an operator's own step said at one build, kept as data: whoever decides again runs no foreign code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What a step changes, (rows, POPs): `add_ms` to scores, and whom to `drop`."""

    add_ms: npt.NDArray[np.float32]
    drop: npt.NDArray[np.bool_]

    @classmethod
    def nothing(cls, rows: int, pops: int) -> Change:
        """Return the change that changes nothing."""
        return cls(np.zeros((rows, pops), dtype=np.float32), np.zeros((rows, pops), dtype=bool))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One own step at one build of a class: its `fault`, or its `change` of the rows `key` (sorted)."""

    step: str
    fault: str
    key: npt.NDArray[np.uint64]
    change: Change

    @classmethod
    def failed(cls, step: str, fault: str, pops: int) -> Outcome:
        """Return the outcome of a step that is as if it were not there."""
        return cls(step, fault, np.zeros(0, dtype=np.uint64), Change.nothing(0, pops))

    @classmethod
    def joined(cls, step: str, parts: Sequence[tuple[npt.NDArray[np.uint64], Change]], pops: int) -> Outcome:
        """Return the outcome of a step over (row keys, change) parts; rows it left alone are not kept."""
        empty = (np.zeros(0, dtype=np.uint64), Change.nothing(0, pops))
        key = np.concatenate([keys for keys, _ in (empty, *parts)])
        add_ms = np.concatenate([change.add_ms for _, change in (empty, *parts)])
        drop = np.concatenate([change.drop for _, change in (empty, *parts)])
        touched = np.flatnonzero(add_ms.any(axis=1) | drop.any(axis=1))
        touched = touched[np.argsort(key[touched], kind="stable")]
        return cls(step, "", key[touched], Change(add_ms[touched], drop[touched]))

    def of(self, keys: npt.NDArray[np.uint64]) -> Change:
        """Return the change of those rows."""
        found = Change.nothing(len(keys), self.change.drop.shape[1])
        if not len(self.key):
            return found
        at = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        here = np.flatnonzero(self.key[at] == keys)
        found.add_ms[here] = self.change.add_ms[at[here]]
        found.drop[here] = self.change.drop[at[here]]
        return found
