"""The address space cut where one of two maps changes, or a row beneath: what each piece got and gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from itm.routemap.routemap import NO_POP, ClassMap
from itm.routemap.table import aligned_blocks
from itm.steer.rows import FAMILIES, UNIT_END, Rows, Units

Pops = npt.NDArray[np.uint16]
Demand = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Ranges [first, end) of units of one family each, in order; `row` is the row that each belongs to.

    `before` and `after` are the POPs that stand first in the two maps (`NO_POP`: none); `demand` in the
    unit of the rows' weights.
    """

    family: npt.NDArray[np.uint8]
    first: Units
    end: Units
    row: npt.NDArray[np.intp]
    before: Pops
    after: Pops
    demand: Demand

    @property
    def flipped(self) -> npt.NDArray[np.bool_]:
        """Whose POP is another one."""
        flipped: npt.NDArray[np.bool_] = self.before != self.after
        return flipped

    def units(self, family: int) -> int:
        """Return how many units of a family are flipped."""
        here = self.flipped & (self.family == family)
        return int((self.end[here] - self.first[here]).sum())

    def prefixes(self) -> int:
        """Return how many aligned prefixes flipped: neighbours with the same two POPs are one range."""
        told = np.stack([self.family, self.before, self.after])
        starts = np.flatnonzero(np.append(True, (told[:, 1:] != told[:, :-1]).any(axis=0)))
        last = np.append(starts[1:], len(self.first)) - 1
        here = self.flipped[starts]
        return int(aligned_blocks(self.first[starts[here]], self.end[last[here]]).sum())


def pieces_of(
    before: ClassMap, after: ClassMap, renumbered: Sequence[int], rows: Rows, weight: npt.NDArray[np.float32]
) -> Pieces:
    """Cut the client maps of two classes; `renumbered` has the new number of each POP of `before`.

    A row's weight is spread evenly over its /24s, or over its /48s where it has no IPv4.
    """
    number = np.append(np.array(renumbered, dtype=np.uint16), np.uint16(NO_POP))
    old_first = number[np.minimum(first_pops(before), len(renumbered))]
    new_first = first_pops(after)
    parts = []
    for family in FAMILIES:
        old, new = (table.v4 if family == 4 else table.v6 for table in (before, after))
        own = rows.segments[family]
        cuts = np.concatenate([own.start, old.start.astype(np.uint64), new.start.astype(np.uint64)])
        first = np.sort(cuts, kind="stable")
        first = first[np.append(True, first[1:] != first[:-1])]
        end = np.append(first[1:], np.uint64(UNIT_END[family]))
        row = own.row[np.searchsorted(own.start, first, side="right") - 1].astype(np.intp)
        kind = np.full(len(first), family, dtype=np.uint8)
        parts.append(
            (kind, first, end, row, old_first[old.leaves_of(first)], new_first[new.leaves_of(first)])
        )
    kind, first, end, row, was, now = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pieces(kind, first, end, row, was, now, _demand(kind, end - first, row, weight))


def first_pops(table: ClassMap) -> Pops:
    """Return the POP at the head of every leaf's whole list, `NO_POP` where the list is empty."""
    tails = np.array([tail[0] if len(tail) else NO_POP for tail in table.tails], dtype=np.uint16)
    own = table.leaves[:, 0]
    return np.where(own == NO_POP, tails[table.leaf_tail], own)


def _demand(
    kind: npt.NDArray[np.uint8], units: Units, row: npt.NDArray[np.intp], weight: npt.NDArray[np.float32]
) -> Demand:
    four, six = (np.where(kind == family, units, 0).astype(np.float64) for family in FAMILIES)
    whole4, whole6 = (np.bincount(row, own, len(weight)) for own in (four, six))
    share = np.where(whole4[row] > 0, four / np.maximum(whole4[row], 1), six / np.maximum(whole6[row], 1))
    demand: Demand = share * weight[row]
    return demand
