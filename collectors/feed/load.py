"""Load rows of a feed: how many sessions a host of a POP carries, of how many it can.

A row of metric `load` has no network and no value but `sessions` and `capacity`, and `host` where several
hosts of one POP report for themselves. A load is a state of now, not a measurement: it is not journaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from collectors.limits import number_or_text, shown

LOAD: Final = "load"
MOST_SESSIONS: Final = 1e9
LONGEST_HOST: Final = 64


@dataclass(frozen=True, slots=True)
class Load:
    """What one host said at `time` (seconds since the epoch)."""

    pop: str
    host: str
    sessions: float
    capacity: float
    time: float


def read(row: Mapping[str, Any], pop: str, time: float, wrong: list[tuple[str, str]]) -> Load:
    """Return the load of a row; what is wrong with it is added to `wrong` as (`bad_value`, text)."""
    sessions, capacity = (number_or_text(row.get(name)) for name in ("sessions", "capacity"))
    host = str(row.get("host") or "").strip()
    if sessions is None or not 0 <= sessions <= MOST_SESSIONS:
        wrong.append(("bad_value", f"sessions: expected 0 to 1e9, got {shown(row.get('sessions'))}"))
    if capacity is None or not 1 <= capacity <= MOST_SESSIONS:
        wrong.append(("bad_value", f"capacity: expected 1 to 1e9, got {shown(row.get('capacity'))}"))
    if len(host) > LONGEST_HOST:
        wrong.append(("bad_value", f"host: at most {LONGEST_HOST} characters, got {shown(host)}"))
    return Load(pop, host, sessions or 0.0, capacity or 1.0, time)
