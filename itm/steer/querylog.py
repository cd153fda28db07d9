"""The queries of the last day, hour by hour: what DNS workers counted, added up and kept.

A worker replaces one file of its own per hour, a *part*. Parts of the present hour are read where they are;
once an hour is over its parts become one file, named in it before they are removed: after a crash in
between they are known, and not added again.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np

from collectors import arrays
from itm.errors import CountsError
from itm.routemap.querycounts import HOUR_SECONDS, QueryCounts, joined, pack, unpack
from itm.steer.demand import Counts

log = logging.getLogger(__name__)

FOLDER: Final = "queries"
PARTS: Final = ".counts"
HOURS: Final = ".queries"
"""Endings of files in the folder: of what a worker counted in an hour, of what all of them did."""

KEEP_HOURS: Final = 24
GRACE_SECONDS: Final = 60.0
"""After the end of an hour, in which workers write what they still have of it."""


class QueryLog:
    """The hours in `folder`; `look` brings them up to date. What cannot be read is told, and left out."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._past: dict[int, QueryCounts] = {}
        self._told: set[str] = set()

    def look(self) -> tuple[QueryCounts, ...]:
        """Return the counts of the last day, oldest hour first, the present one last."""
        now = self._clock()
        hour = int(now // HOUR_SECONDS)
        parts: dict[int, list[Path]] = {}
        for path in sorted(self._folder.glob(f"*{PARTS}")):
            parts.setdefault(_hour_of(path), []).append(path)
        if not self._past:
            found = (self._read(path) for path in sorted(self._folder.glob(f"*{HOURS}")))
            self._past = {one.hour: one for one in found if one is not None}
        for over in sorted(parts):
            if over * HOUR_SECONDS + HOUR_SECONDS + GRACE_SECONDS <= now:
                self._close(over, parts.pop(over))
        for old in [one for one in self._past if not hour - KEEP_HOURS <= one <= hour]:
            self._path(old).unlink(missing_ok=True)
            del self._past[old]
        alive = dict(self._past)
        for one, paths in parts.items():  # of the present hour, and of the one before for a minute
            alive[one] = self._sum(one, paths)
        return tuple(alive[one] for one in sorted(alive))

    def _close(self, hour: int, paths: list[Path]) -> None:
        """Make one file of an hour's parts and remove them; the next look tries again if it cannot."""
        counts = self._past[hour] = self._sum(hour, paths)
        try:
            arrays.write(self._path(hour), pack(counts))
            for path in paths:
                path.unlink(missing_ok=True)
        except OSError as error:
            self._tell(f"{self._path(hour)}: {error}")

    def _sum(self, hour: int, paths: Iterable[Path]) -> QueryCounts:
        """Return what is kept of an hour and the parts that are not in it yet."""
        kept = self._past.get(hour)
        known = set(kept.parts) if kept is not None else set()
        some = [kept] if kept is not None else []
        for path in paths:
            one = self._read(path) if path.name not in known else None
            if one is not None:
                some.append(_named(one, path.name))
        return joined(hour, some)

    def _read(self, path: Path) -> QueryCounts | None:
        try:
            counts = unpack(path.read_bytes())
            if counts.hour != _hour_of(path):
                raise CountsError(f"counts of another hour ({counts.hour})")
            return counts
        except FileNotFoundError:
            return None
        except (OSError, CountsError) as error:
            self._tell(f"{path}: {error}")
            return None

    def _path(self, hour: int) -> Path:
        return self._folder / f"{hour}{HOURS}"

    def _tell(self, reason: str) -> None:
        if reason not in self._told:
            log.warning("queries.unreadable", extra={"reason": reason})
        self._told.add(reason)


def faded(hours: Iterable[QueryCounts], now: float) -> tuple[Counts, Counts]:
    """Return the queries that named a network, and those of resolvers that did not, by network.

    Each hour halves with every day since its end.
    """
    found: tuple[list[Counts], list[Counts]] = ([], [])
    for one in hours:
        age = max(now - (one.hour + 1) * HOUR_SECONDS, 0.0)
        weight = 0.5 ** (age / (24 * HOUR_SECONDS))
        for into, rows in zip(found, (one.named, ~one.named), strict=True):
            into.append(Counts(one.key[rows], one.count[rows].astype(np.float32) * np.float32(weight)))
    named, asked = (_sum_of(some) for some in found)
    return named, asked


def by_service(hours: Iterable[QueryCounts]) -> dict[str, int]:
    """Return how many queries each service had, but for those that were lost."""
    total: Counter[str] = Counter()
    for one in hours:
        sums = np.bincount(one.service, one.count, len(one.services))
        total.update({name: int(count) for name, count in zip(one.services, sums.tolist(), strict=True)})
    return dict(total)


def _sum_of(some: list[Counts]) -> Counts:
    none = Counts.nothing()
    return Counts.of(
        np.concatenate([none.key, *(one.key for one in some)]),
        np.concatenate([none.number, *(one.number for one in some)]),
    )


def _named(counts: QueryCounts, part: str) -> QueryCounts:
    return QueryCounts(
        counts.hour,
        counts.services,
        counts.service,
        counts.key,
        counts.named,
        counts.count,
        counts.lost,
        (part,),
    )


def _hour_of(path: Path) -> int:
    """Return the hour that a file's name begins with, -1 for none."""
    with contextlib.suppress(ValueError):
        return int(path.name.partition("-")[0].partition(".")[0])
    return -1
