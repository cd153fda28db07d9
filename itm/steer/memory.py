"""What one build leaves to the next: per row, the POP it serves and the POP it would rather serve.

Rows are remembered by stable keys and POPs by id, so that a new place table or a changed catalog does
not make the steering forget what it serves.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from itm.steer.moves import Moves
from itm.steer.steps import GONE_POP, NO_POP

Keys = npt.NDArray[np.uint64]
Pops = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Sorted `key`; per key the POP `served` and the last build's `challenger`, indices into `pops`, as are
    those of `moves`.
    """

    pops: tuple[str, ...]
    key: Keys
    served: Pops
    challenger: Pops
    moves: Moves = field(default_factory=Moves.nothing)

    @classmethod
    def nothing(cls) -> Memory:
        """Return the memory of a first start."""
        none = np.zeros(0, dtype=np.uint16)
        return cls((), np.zeros(0, dtype=np.uint64), none, none)

    @classmethod
    def of(
        cls, pops: tuple[str, ...], key: Keys, served: Pops, wanted: Pops, moves: Moves | None = None
    ) -> Memory:
        """Remember what a build serves and wanted; a challenger equal to the served POP is none."""
        order = np.argsort(key, kind="stable")
        challenger = np.where(wanted == served, np.uint16(NO_POP), wanted)
        return cls(pops, key[order], served[order], challenger[order], moves or Moves.nothing())

    def recall(self, pops: tuple[str, ...], key: Keys, parent: npt.NDArray[np.intp]) -> tuple[Pops, Pops]:
        """Return (served, challenger) of rows as indices into `pops`.

        A row that is new takes the served POP of its `parent` row (an index into the same rows, -1 for
        none; at most two parents up): until it has decided for itself, that is what its clients get.
        """
        served, challenger = (np.full(len(key), NO_POP, dtype=np.uint16) for _ in range(2))
        if not len(self.key):
            return served, challenger
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        known = self.key[at] == key
        translate = self._translation(pops)
        served[known] = translate[self.served[at[known]]]
        challenger[known] = translate[self.challenger[at[known]]]
        challenger[challenger == GONE_POP] = NO_POP
        adopt = np.flatnonzero(~known & (parent >= 0))
        for _ in range(2):  # a network may be as new as its routing prefix
            served[adopt] = served[parent[adopt]]
        return served, challenger

    def read_at(self, now: float) -> Memory:
        """Return the same memory for a build at `now`."""
        return replace(self, moves=self.moves.read_at(now))

    def recall_moves(self, pops: tuple[str, ...]) -> Moves:
        """Return the moves among `pops`."""
        return self.moves if pops == self.pops else self.moves.of_pops(self._translation(pops))

    def _translation(self, pops: tuple[str, ...]) -> Pops:
        """Return old index -> new index, `NO_POP` for itself."""
        table = np.full(NO_POP + 1, NO_POP, dtype=np.uint16)
        new = {name: index for index, name in enumerate(pops)}
        table[: len(self.pops)] = [new.get(name, GONE_POP) for name in self.pops]
        table[GONE_POP] = GONE_POP
        return table
