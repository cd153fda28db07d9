"""What is granted to rows that may not all have their first choice, as data: for the step, and for `why`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.steer.evidence import Keys
from itm.steer.memory import Pops
from itm.steer.steps import NO_POP, Grants

PARTS: Final = 4
"""POPs among which one row is split at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Granted:
    """What is granted to the rows of one class that are concerned, by sorted `key`.

    `pop` (rows, `PARTS`) padded with `NO_POP`, `share` of the row that each gets; `spare` as in `Grants`;
    `is_urgent` where a row makes room for the users of a POP that is away.
    """

    key: Keys
    pop: Pops
    share: npt.NDArray[np.float32]
    spare: Pops
    is_urgent: npt.NDArray[np.bool_]

    @classmethod
    def nothing(cls) -> Granted:
        """Return that of a class whose rows all have their first choice."""
        none = np.zeros((0, PARTS), np.float32)
        return cls(
            np.zeros(0, np.uint64), none.astype(np.uint16), none, np.zeros(0, np.uint16), np.zeros(0, bool)
        )

    def rows(self, key: Keys) -> npt.NDArray[np.intp]:
        """Return where each of these row keys stands, -1 where nothing is granted."""
        at = np.searchsorted(self.key, key)
        known = at < len(self.key)
        known[known] = self.key[at[known]] == key[known]
        return np.where(known, at, -1)

    def is_pressing(self, key: Keys) -> npt.NDArray[np.bool_]:
        """Return `is_urgent` of these rows, False where nothing is granted."""
        pressing: npt.NDArray[np.bool_] = np.append(self.is_urgent, False)[self.rows(key)]
        return pressing

    def firsts(self, key: Keys, first: Pops) -> Pops:
        """Return the POP that gets most of each row: by what is granted, else `first`."""
        share = np.append(self.share, np.zeros((1, PARTS), np.float32), axis=0)[at := self.rows(key)]
        pop = np.append(self.pop, np.full((1, PARTS), NO_POP, np.uint16), axis=0)[at]
        most = np.take_along_axis(pop, share.argmax(axis=1)[:, None], axis=1)[:, 0]
        return np.where(share.any(axis=1), most, first).astype(np.uint16)

    def facts(self, key: Keys, pops: int) -> Grants | None:
        """Return what is granted to these rows, None when nothing is to any."""
        at = self.rows(key)
        here = np.flatnonzero(at >= 0)
        if not len(here):
            return None
        share = np.zeros((len(key), pops + 1), np.float32)
        columns = np.minimum(self.pop[at[here]], pops).astype(np.intp)
        np.put_along_axis(part := share[here], columns, self.share[at[here]], axis=1)
        share[here] = part
        spare = np.full(len(key), NO_POP, np.uint16)
        spare[here] = self.spare[at[here]]
        return Grants(share[:, :pops], spare)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what `of_arrays` makes this of."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of_arrays(cls, stored: Mapping[str, npt.NDArray[Any]]) -> Granted:
        """Return what gave these arrays. Raises `KeyError` for one that is missing."""
        return cls(*(stored[name] for name in cls.__slots__))
