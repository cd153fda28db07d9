"""What is worth measuring, as the edge holds it: the builder's table, and what was planned since.

Follows the two files of `itm.steer.explore`; reads them in a thread, answers from memory. Without them all
POPs are alike, and what was planned still counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

from collectors import placeruns
from collectors.errors import ArraysError
from collectors.network import Network
from collectors.rum import exploration
from collectors.rum.exploration import Near, number_of
from collectors.rum.plan import TOP, Candidate, Planned, Random, choose_session
from collectors.rum.planned import PlannedProbes
from itm.steer.explore import RUNS_FILE, TABLE_FILE

log = logging.getLogger(__name__)

LEAST_SECONDS: Final = 60.0
"""From a plan to a table that knows of its measurements, at least: the session, the journal, a build."""

Content = TypeVar("Content")


class Exploring:
    """`build_seconds`: from one build to the next. Only `follow` is for another thread."""

    def __init__(self, state: Path, build_seconds: float) -> None:
        self._runs = _Followed(state / RUNS_FILE, placeruns.load)
        self._table = _Followed(state / TABLE_FILE, exploration.load)
        self._planned = PlannedProbes(max(LEAST_SECONDS, 2 * build_seconds))

    def follow(self) -> None:
        """Take up other files; one that is not sound is told once, and what was read before stays."""
        self._runs.look()
        self._table.look()

    def choose(
        self, network: Network, current: str, allowed: Sequence[str], rng: Random, now: float
    ) -> tuple[Planned, ...]:
        """Return a session's plan for a network, and count it; `current` as in `choose_session`."""
        own, around, place = self._look_up(network)
        keys = (number_of(network), ~place) if place else (number_of(network),)
        planned = choose_session(current, self._candidates(own, around, keys, allowed), rng)
        self._planned.add(keys, [one.pop for one in planned], now)
        return planned

    def _look_up(self, network: Network) -> tuple[list[Near], list[Near], int]:
        """Return what is known from the network itself and from its place, and the place (0: not known)."""
        table, runs = self._table.content, self._runs.content
        if table is None:
            return [], [], 0
        if runs is None or runs.digest != table.places:  # the other file follows in a moment
            return table.of_network(network), [], 0
        place = runs.place_of(network)
        return table.of_network(network), table.of_place(place), place

    def _candidates(
        self, own: list[Near], around: list[Near], keys: Sequence[int], allowed: Sequence[str]
    ) -> list[Candidate]:
        """Return what may be measured: the closest ones, others that are allowed where those are few."""
        here = {one.pop: one.known for one in own}
        there = {one.pop: one.known for one in around}
        may = set(allowed)
        closest = [one for one in own or around if one.pop in may]
        listed = {one.pop for one in closest}
        rest = [pop for pop in allowed if pop not in listed]
        if closest:
            rest = rest[: max(TOP - len(closest), 0)]

        def candidate(pop: str, ms: float, spread_ms: float) -> Candidate:
            counts = [self._planned.count(key, pop) for key in keys]
            return Candidate(
                pop, ms, spread_ms, here.get(pop, 0.0) + counts[0], there.get(pop, 0.0) + sum(counts[1:])
            )

        return [
            *(candidate(one.pop, one.ms, one.spread_ms) for one in closest),
            *(candidate(pop, float("nan"), 0.0) for pop in rest),
        ]


class _Followed(Generic[Content]):
    """One file and what was last read of it."""

    def __init__(self, path: Path, load: Callable[[Path], Content]) -> None:
        self._path = path
        self._load = load
        self._seen: tuple[int, int] | None = None
        self.content: Content | None = None

    def look(self) -> None:
        """Read the file if it is another one."""
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns)
            if seen == self._seen:
                return
            self._seen = seen
            self.content = self._load(self._path)
        except FileNotFoundError:
            return
        except (ArraysError, OSError) as error:
            log.error("exploration.refused", extra={"file": self._path.name, "reason": str(error)})
