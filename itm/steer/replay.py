"""What a changed catalog or predictor would have made of the last day, by the evidence of that day.

Pure. Decisions are made once, from all that was measured and asked in the day; demand by the hour then says
what every POP would have had to carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from itm.steer.assign import HARD
from itm.steer.compare import Match, Reading, matches, removed, told
from itm.steer.demand import Demand
from itm.steer.difference import Difference
from itm.steer.pieces import loads_of


@dataclass(frozen=True, slots=True)
class Room:
    """What POPs can carry, by id, and how many `sessions` there are now (0: not known)."""

    capacity: Mapping[str, float]
    sessions: float


@dataclass(frozen=True, slots=True, eq=False)
class AskedHour:
    """An hour (seconds since the epoch at its start): how much was asked, and of whom."""

    start: float
    queries: float
    demand: Demand


@dataclass(frozen=True, slots=True)
class Hour:
    """Loads of one hour as shares of its demand, by the old world and the new.

    `sessions` are all there were, None where nobody knows; `full` and `full_before` have POPs above 95 %.
    """

    start: float
    queries: float
    sessions: float | None
    load_before: Mapping[str, float]
    load: Mapping[str, float]
    full_before: tuple[str, ...]
    full: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """The services `removed`, the difference over the whole day per class, and the load hour by hour."""

    removed: tuple[str, ...]
    classes: tuple[Difference, ...]
    hours: tuple[Hour, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def replay(before: Reading, after: Reading, hours: Sequence[AskedHour], room: Room, top: int) -> Replay:
    """Compare two worlds' maps over the day's demand (that of `after`), and by the hour.

    Where `after` steers nothing there are no hours.
    """
    found = matches(before, after)
    newest = hours[-1].queries if hours else 0.0
    return Replay(
        removed(before.routemap, after.services),
        tuple(told(one, top) for one in found),
        tuple(_hour(one, found, room, newest) for one in hours if found),
    )


def _hour(asked: AskedHour, found: Sequence[Match], room: Room, newest: float) -> Hour:
    """Spread an hour's demand over POPs; classes count alike. Sessions grow and shrink with queries."""
    pops = found[0].pops
    sums = np.zeros((2, len(pops)))
    for one in found:
        sums += loads_of(one.pieces(asked.demand).flows, len(pops))
    shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-9)
    sessions = room.sessions * asked.queries / newest if newest and room.sessions else None
    before, after = (dict(zip(pops, row.round(6).tolist(), strict=True)) for row in shares)
    full_before, full = (_full(load, room, sessions) for load in (before, after))
    return Hour(asked.start, asked.queries, sessions, before, after, full_before, full)


def _full(load: Mapping[str, float], room: Room, sessions: float | None) -> tuple[str, ...]:
    if sessions is None:
        return ()
    return tuple(p for p, share in load.items() if share * sessions > HARD * room.capacity.get(p, np.inf))
