"""Who gives way when POPs are full: the rows of all classes as their chains ordered them in, grants out.

Three passes, each of which solves a program (`itm.steer.assign`) only where somebody would be above a limit:

1. As if every POP were up: rows that go elsewhere, and the row on a border, which is split.
2. With the POPs that are away: where their users go meanwhile, and who makes room for them.
3. For each POP, as if it died next: who stands second, so that nobody is overloaded before the next build.

Health itself is applied at answer time (`itm.routemap.mask`): a POP that is away keeps its place in front,
and its return needs no build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from itm.steer.assign import HARD, MOVE_MS, SOFT, Floats, Pops, assign
from itm.steer.evidence import Keys
from itm.steer.grants import PARTS, Granted
from itm.steer.groups import MOST, Near, merge, spread
from itm.steer.regret import TIE_MS
from itm.steer.steps import NO_POP

NEAREST: Final = 8
"""Candidates per row: the top k of the program."""

NEXT_TO_NOTHING: Final = 1e-6
"""The share of a POP that is away of a row whose users others share: it stays first, and gets no answer."""

SECONDS: Final = 1_000
"""Groups into which the users of one POP are merged at most to find their second choice: there are as many
programs as POPs, and most of what they say is never needed.
"""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Rows as their chains ordered them: `near` and `near_ms` of `Decision`, `demand` in sessions.

    `of_class` is the class of each row; `may_move` is False for rows of classes without the step `capacity`.
    """

    of_class: npt.NDArray[np.intp]
    key: Keys
    near: Pops
    near_ms: npt.NDArray[np.float32]
    served: Pops
    demand: Floats
    may_move: Flags

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: npt.NDArray[Any]) -> Asked:
        """Return those rows."""
        return Asked(*(getattr(self, name)[rows] for name in self.__slots__))

    @classmethod
    def joined(cls, parts: Sequence[Asked]) -> Asked:
        """Return the rows of all parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where a pass puts rows: each `at` one POP mainly, of its candidates `pop` each with a `share`."""

    at: Pops
    pop: Pops
    share: Floats

    def over(self, rows: npt.NDArray[np.intp], count: int) -> Places:
        """Return these places as those of `rows` among so many."""
        at, pop = np.full(count, NO_POP, np.uint16), np.full((count, self.pop.shape[1]), NO_POP, np.uint16)
        share = np.zeros(pop.shape)
        at[rows], pop[rows], share[rows] = self.at, self.pop, self.share
        return Places(at, pop, share)


def spill(asked: Asked, capacity: Floats, is_away: Flags, fixed: Floats, classes: int) -> list[Granted]:
    """Return what is granted to every class.

    Per POP, in sessions: `capacity`, infinite where there is no limit, and what is `fixed`, no row's.
    """
    home = _placed(asked, asked.near[:, 0], _unmoved(asked), np.ones_like(is_away), capacity, fixed)
    here, spare = home.at, np.full(len(asked), NO_POP, np.uint16)
    room, left = np.where(is_away, 0.0, capacity), is_away[home.at]
    split = [(home, np.flatnonzero((home.share > 0).sum(axis=1) > 1))]
    if left.any():
        # Who is split already stays as it is: the mask gives a dead POP's part to the others.
        rest = np.setdiff1d(np.arange(len(asked)), split[0][1])
        stays = fixed + _load(home, asked.demand, split[0][1], ~is_away)
        refuge = np.where(left, _next(asked, home.at, ~is_away), home.at).astype(np.uint16)
        now = _placed(asked.take(rest), refuge[rest], refuge[rest], ~is_away, room, stays)
        here = refuge.copy()
        here[rest] = now.at
        spare[left & (here != refuge)] = here[left & (here != refuge)]
        split.append((now.over(rest, len(asked)), rest[(now.share > 0).sum(axis=1) > 1]))
    _order_seconds(asked, here, ~left, spare, room, fixed)
    first = np.where(left, home.at, here).astype(np.uint16)
    parts = _parts(asked, first, left, split)
    is_urgent = ~left & (here != home.at)
    concerned = asked.may_move & ((parts.share > 0).any(axis=1) | (spare != NO_POP))
    return [
        _granted(asked, parts, spare, is_urgent, np.flatnonzero(concerned & (asked.of_class == index)))
        for index in range(classes)
    ]


def _placed(
    asked: Asked,
    first: Pops,
    served: Pops,
    is_live: Flags,
    room: Floats,
    fixed: Floats,
    most: int = MOST,
    soft: float = SOFT,
) -> Places:
    """Place rows on `first` or, where not all of these fit below `soft`, on other live candidates."""
    load = fixed + np.bincount(first, asked.demand, len(room))
    if (load <= soft * room).all():
        return Places(first, first[:, None], np.ones((len(first), 1)))
    near = _near(asked, first, served, is_live)
    groups = merge(near, most)
    found = assign(groups.cost_ms, groups.pop, groups.demand, room, groups.served, fixed, soft)
    share, pop = spread(groups, found.granted, near), groups.pop[groups.of_row]
    at = np.take_along_axis(pop, share.argmax(axis=1)[:, None], axis=1)[:, 0]
    return Places(at, pop, share)


def _near(asked: Asked, first: Pops, served: Pops, is_live: Flags) -> Near:
    """Return the candidates behind `first`, each with what it costs more than that."""
    is_first = asked.near == first[:, None]
    own = np.where(is_first, asked.near_ms, 0.0).sum(axis=1, keepdims=True)
    is_other = _is(is_live, asked.near) & ~is_first & asked.may_move[:, None]
    cost = np.where(is_other, np.maximum(asked.near_ms - own, 0) + TIE_MS, np.inf)
    return Near(
        pop=np.concatenate([first[:, None], np.where(is_other, asked.near, NO_POP)], axis=1).astype(
            np.uint16
        ),
        cost_ms=np.concatenate([np.zeros((len(first), 1)), cost], axis=1),
        served=served,
        demand=asked.demand,
        key=asked.key,
    )


def _load(places: Places, demand: Floats, rows: npt.NDArray[np.intp], is_live: Flags) -> Floats:
    """Return what POPs get of these rows, where dead POPs' parts go to the live ones."""
    share = np.where(_is(is_live, places.pop[rows]), places.share[rows], 0.0)
    part = demand[rows, None] * share / np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
    pop = np.minimum(places.pop[rows], len(is_live))
    return np.bincount(pop.ravel(), part.ravel(), len(is_live) + 1)[:-1].astype(np.float64)


def _unmoved(asked: Asked) -> Pops:
    """Return the POP of each row from which a move costs; none where the chain leaves it for a small gain."""
    small = (asked.near == asked.served[:, None]) & (asked.near_ms < MOVE_MS)
    return np.where(small[:, 1:].any(axis=1), NO_POP, asked.served).astype(np.uint16)


def _next(asked: Asked, front: Pops, is_live: Flags) -> Pops:
    """Return the first live candidate but `front`, in the order of the chain; `front` where there is none."""
    live = _is(is_live, asked.near) & (asked.near != front[:, None])
    found = np.take_along_axis(asked.near, live.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(live.any(axis=1), found, front).astype(np.uint16)


def _order_seconds(
    asked: Asked, here: Pops, is_home: Flags, spare: Pops, room: Floats, fixed: Floats
) -> None:
    """Put into `spare` who is to stand second where the death of the first would overload others."""
    pops = len(room)
    is_live = room > 0
    second = _next(asked, here, is_live)
    leaves = is_home & (second != here)
    load = fixed + np.bincount(here, asked.demand, pops)
    refugees = np.bincount(
        here[leaves].astype(np.intp) * pops + second[leaves], asked.demand[leaves], pops**2
    )
    for dead in np.flatnonzero(is_live & (load > 0)):
        others = np.where(np.arange(pops) == dead, 0.0, room)
        after = np.where(np.arange(pops) == dead, 0.0, load + refugees.reshape(pops, pops)[dead])
        if (after <= np.maximum(HARD * others, load)).all():
            continue
        rows = np.flatnonzero(leaves & (here == dead))
        base = np.where(np.arange(pops) == dead, 0.0, load)
        first = second[rows]
        found = _placed(asked.take(rows), first, first, others > 0, others, base, SECONDS, HARD).at
        spare[rows] = np.where(found == first, NO_POP, found)


def _parts(
    asked: Asked, first: Pops, left: Flags, split: Sequence[tuple[Places, npt.NDArray[np.intp]]]
) -> Places:
    """Return the POPs that get parts of rows, and their shares: of rows with their first choice none.

    A row whose POP is away keeps it in front, with next to nothing, where others share its users meanwhile.
    """
    pop = np.full((len(asked), PARTS), NO_POP, np.uint16)
    share = np.zeros((len(asked), PARTS))
    whole = np.flatnonzero(first != asked.near[:, 0])
    pop[whole, 0], share[whole, 0] = first[whole], 1.0
    for places, rows in split:
        for row in rows.tolist():
            own, part = places.pop[row], places.share[row]
            best = np.argsort(-part, kind="stable")[: PARTS - 1]
            best = best[part[best] > 0]
            pop[row], share[row] = NO_POP, 0.0
            pop[row, : len(best)], share[row, : len(best)] = own[best], part[best]
            if left[row] and first[row] not in own[best]:
                pop[row, len(best)], share[row, len(best)] = first[row], NEXT_TO_NOTHING
    return Places(first, pop, share)


def _granted(
    asked: Asked, parts: Places, spare: Pops, is_urgent: Flags, rows: npt.NDArray[np.intp]
) -> Granted:
    """Return what is granted to these rows of one class."""
    rows = rows[np.argsort(asked.key[rows], kind="stable")]
    share = parts.share[rows].astype(np.float32)
    return Granted(asked.key[rows], parts.pop[rows], share, spare[rows], is_urgent[rows])


def _is(flag: Flags, pop: Pops) -> Flags:
    """Return the flag of each POP, False of padding."""
    found: Flags = np.append(flag, False)[np.minimum(pop, len(flag))]
    return found
