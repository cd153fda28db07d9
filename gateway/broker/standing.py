"""Where connectors stand and what they reported last, in a file that commands read.

The running broker alone writes it. It is news of seconds and no record: a lost file is written anew within
seconds, so it stands beside the database and not in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from gateway.protocol.control import Announce

FILE: Final = "standing.json"
WRITE_SECONDS: Final = 30.0
"""How old the file may become while nothing changes."""
FRESH_SECONDS: Final = 3 * WRITE_SECONDS
"""An older file was left by a broker that does not run."""
KEEP_SECONDS: Final = 30 * 86_400.0
"""How long a connector that is gone is remembered."""


@dataclass(frozen=True, slots=True)
class Report:
    """One connector: the POPs at which it has control channels, what it said last, when it was there."""

    pops: tuple[str, ...]
    sessions: int
    capacity: int
    draining: bool
    hosts: tuple[str, ...]
    software: str
    cpu_percent: int
    failed: int
    seen_at: float


class Standing:
    """The writer's side: all reports, by connector id."""

    def __init__(self, state: Path, clock: Callable[[], float]) -> None:
        self._path, self._clock = state / FILE, clock
        self._reports = load(state)
        self._written: dict[str, Report] = {}
        self._written_at = float("-inf")

    def note(self, announced: Iterable[tuple[str, Announce]]) -> None:
        """Take (POP, announce) for every control channel that stands now; who is in none is gone."""
        now = self._clock()
        by_connector: dict[str, list[tuple[str, Announce]]] = {}
        for pop, announce in announced:
            by_connector.setdefault(announce.connector, []).append((pop, announce))
        self._reports = {
            name: replace(report, pops=())
            for name, report in self._reports.items()
            if report.seen_at > now - KEEP_SECONDS
        } | {name: _report(lines, now) for name, lines in by_connector.items()}

    def save(self) -> None:
        """Replace the file when there is news, or it would become too old."""
        now = self._clock()
        news = {name: replace(report, seen_at=0.0) for name, report in self._reports.items()}
        if news == self._written and now < self._written_at + WRITE_SECONDS:
            return
        aside = self._path.with_suffix(".new")
        aside.write_text(json.dumps({name: asdict(report) for name, report in self._reports.items()}))
        aside.replace(self._path)
        self._written, self._written_at = news, now


def _report(lines: list[tuple[str, Announce]], now: float) -> Report:
    """Fold what several POPs say of one connector: it told each the same, a moment apart.

    A channel that it is about to leave is called draining there and nowhere else.
    """
    announces = [announce for _, announce in lines]
    last = announces[-1]
    return Report(
        pops=tuple(sorted({pop for pop, _ in lines})),
        sessions=max(announce.sessions for announce in announces),
        capacity=last.capacity,
        draining=all(announce.draining for announce in announces),
        hosts=last.hosts,
        software=last.software,
        cpu_percent=max(announce.cpu_percent for announce in announces),
        failed=max(announce.failed for announce in announces),
        seen_at=now,
    )


def load(state: Path) -> dict[str, Report]:
    """Return what a broker of this state directory wrote last; nothing for no file or a damaged one."""
    try:
        found: dict[str, dict[str, Any]] = json.loads((state / FILE).read_text())
        return {name: _read(fields) for name, fields in found.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _read(fields: dict[str, Any]) -> Report:
    lists = {name: tuple(fields[name]) for name in ("pops", "hosts")}
    return Report(**(fields | lists))
