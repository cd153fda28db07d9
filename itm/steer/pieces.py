"""The address space cut where one of two maps changes, or a row beneath: what each piece got and gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from itm.routemap.routemap import NO_POP, WHOLE, ClassMap
from itm.routemap.table import aligned_blocks
from itm.steer.rows import FAMILIES, UNIT_END, Rows, Units

Pops = npt.NDArray[np.uint16]
Demand = npt.NDArray[np.float64]
Leaves = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Flows:
    """Demand of a `piece` (an index) that went to one POP and goes to one; several of a piece whose answers
    are spread over POPs by shares. What may stay with its POP stays.
    """

    piece: npt.NDArray[np.intp]
    before: Pops
    after: Pops
    demand: Demand

    @property
    def moved(self) -> npt.NDArray[np.bool_]:
        """Which go to another POP."""
        moved: npt.NDArray[np.bool_] = self.before != self.after
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Ranges [first, end) of units of one family each, in order; `row` is the row that each belongs to.

    `before` and `after` are the POPs that stand first in the two maps (`NO_POP`: none); `flows` have all
    demand, in the unit of the rows' weights.
    """

    family: npt.NDArray[np.uint8]
    first: Units
    end: Units
    row: npt.NDArray[np.intp]
    before: Pops
    after: Pops
    flows: Flows

    @property
    def flipped(self) -> npt.NDArray[np.bool_]:
        """Whose first POP is another one."""
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
        parts.append((kind, first, end, row, old.leaves_of(first), new.leaves_of(first)))
    kind, first, end, row, was, now = (np.concatenate(column) for column in zip(*parts, strict=True))
    heads = number[np.minimum(first_pops(before), len(renumbered))][was], first_pops(after)[now]
    flows = Flows(np.arange(len(row)), *heads, _demand(kind, end - first, row, weight))
    return Pieces(kind, first, end, row, *heads, _spread(flows, (before, after), (was, now), number))


def loads_of(flows: Flows, pops: int) -> tuple[Demand, Demand]:
    """Return the demand that each of `pops` POPs had, and has."""
    some = ((pop, pop != NO_POP) for pop in (flows.before, flows.after))
    before, after = (np.bincount(pop[known], flows.demand[known], pops).astype(float) for pop, known in some)
    return before, after


def first_pops(table: ClassMap) -> Pops:
    """Return the POP at the head of every leaf's whole list, `NO_POP` where the list is empty."""
    tails = np.array([tail[0] if len(tail) else NO_POP for tail in table.tails], dtype=np.uint16)
    own = table.leaves[:, 0]
    return np.where(own == NO_POP, tails[table.leaf_tail], own)


def _spread(
    flows: Flows, maps: tuple[ClassMap, ClassMap], leaves: tuple[Leaves, Leaves], number: Pops
) -> Flows:
    """Part the demand of pieces whose answers one of the maps spreads, which few are."""
    is_spread = np.logical_or(*(_is_spread(one)[own] for one, own in zip(maps, leaves, strict=True)))
    here = np.flatnonzero(is_spread & (flows.demand > 0))
    if not len(here):
        return flows
    pairs, of = np.unique(np.stack([own[here] for own in leaves]), axis=1, return_inverse=True)
    parts = [_take(flows, np.setdiff1d(flows.piece, here, assume_unique=True))]
    groups = np.split(here[np.argsort(of, kind="stable")], np.cumsum(np.bincount(of))[:-1])
    for pieces, (old, new) in zip(groups, pairs.T.tolist(), strict=True):
        was = {int(number[min(p, len(number) - 1)]): share for p, share in _shares(maps[0], old).items()}
        for (before, after), share in _coupled(was, _shares(maps[1], new)).items():
            left, right = (np.full(len(pieces), pop, dtype=np.uint16) for pop in (before, after))
            parts.append(Flows(pieces, left, right, flows.demand[pieces] * share))
    columns = ([getattr(part, name) for part in parts] for name in Flows.__slots__)
    return Flows(*(np.concatenate(column) for column in columns))


def _is_spread(table: ClassMap) -> npt.NDArray[np.bool_]:
    if not len(table.shares):
        return np.zeros(len(table.leaves), dtype=bool)
    return np.asarray(table.shares.any(axis=1))


def _take(flows: Flows, chosen: npt.NDArray[np.intp]) -> Flows:
    return Flows(*(getattr(flows, name)[chosen] for name in Flows.__slots__))


def _shares(table: ClassMap, leaf: int) -> dict[int, float]:
    """Return the share of each POP in the answers of a leaf."""
    shares = table.shares_of(leaf)
    if not shares:
        return {int(first_pops(table)[leaf]): 1.0}
    own = zip(table.leaves[leaf].tolist(), shares, strict=True)
    return {pop: share / WHOLE for pop, share in own if share}


def _coupled(before: dict[int, float], after: dict[int, float]) -> dict[tuple[int, int], float]:
    """Return which share goes from where to where: all that can stays, the rest spreads evenly."""
    stays = {(pop, pop): min(share, after[pop]) for pop, share in before.items() if pop in after}
    gone, come = (
        {pop: share - stays.get((pop, pop), 0.0) for pop, share in side.items()} for side in (before, after)
    )
    rest = sum(come.values())
    moves = {
        (a, b): left * taken / rest
        for a, left in gone.items()
        for b, taken in come.items()
        if rest > 0 and left * taken > 0
    }
    return {pair: share for pair, share in (stays | moves).items() if share > 0}


def _demand(
    kind: npt.NDArray[np.uint8], units: Units, row: npt.NDArray[np.intp], weight: npt.NDArray[np.float32]
) -> Demand:
    four, six = (np.where(kind == family, units, 0).astype(np.float64) for family in FAMILIES)
    whole4, whole6 = (np.bincount(row, own, len(weight)) for own in (four, six))
    share = np.where(whole4[row] > 0, four / np.maximum(whole4[row], 1), six / np.maximum(whole6[row], 1))
    demand: Demand = share * weight[row]
    return demand
