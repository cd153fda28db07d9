"""How full POPs are, as their hosts reported it: the file in which the edge tells the builder.

Reports are a state of now and age: whoever reads adds up those of hosts that reported lately. A file that
cannot be read says nothing, as if nobody had reported.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from collectors.feed.load import Load

FILE: Final = "loads.json"


@dataclass(frozen=True, slots=True)
class PopLoad:
    """Sums over the hosts that reported lately; `age_seconds` is that of the oldest report counted."""

    sessions: float
    capacity: float
    hosts: int
    age_seconds: float

    @property
    def share(self) -> float:
        """How full the POP is: 1 is full."""
        return self.sessions / self.capacity


def summed(reports: Iterable[Load], stale_seconds: float, now: float) -> PopLoad | None:
    """Add up one POP's reports of at most `stale_seconds` before `now`; None when there is none."""
    fresh = [one for one in reports if now - one.time <= stale_seconds]
    if not fresh:
        return None
    return PopLoad(
        sum(one.sessions for one in fresh),
        sum(one.capacity for one in fresh),
        len(fresh),
        max(0.0, now - min(one.time for one in fresh)),
    )


def write(path: Path, reports: Iterable[Load]) -> None:
    """Write the last report of each host, atomically; raises `OSError`."""
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps([astuple(one) for one in reports]))
    partial.replace(path)


def read(path: Path) -> list[Load]:
    """Return the last report of each host; none where the file is missing or damaged."""
    try:
        rows = json.loads(path.read_bytes())
        return [
            Load(str(pop), str(host), float(sessions), float(capacity), float(time))
            for pop, host, sessions, capacity, time in rows
        ]
    except (OSError, ValueError, TypeError):
        return []


def loads_of(path: Path, stale_seconds: float, now: float) -> dict[str, PopLoad]:
    """Return how full each POP is of which a host reported lately."""
    hosts: dict[str, list[Load]] = {}
    for one in read(path):
        hosts.setdefault(one.pop, []).append(one)
    found = {pop: summed(reports, stale_seconds, now) for pop, reports in hosts.items()}
    return {pop: load for pop, load in found.items() if load is not None}
