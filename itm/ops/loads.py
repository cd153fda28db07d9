"""How full the POPs are, as their hosts report it: kept in memory, with its age; too old is not known.

Nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from collectors.feed.load import Load

MOST_HOSTS: Final = 256
"""Of one POP; the one heard of longest ago gives way."""


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


class Loads:
    """The last report of each host of each POP; one of more than `stale_seconds` ago is not counted."""

    def __init__(self, stale_seconds: float = 60.0) -> None:
        self._stale_seconds = stale_seconds
        self._hosts: dict[str, dict[str, Load]] = {}

    def note(self, load: Load) -> None:
        """Take in a report; one that is older than the host's last changes nothing."""
        hosts = self._hosts.setdefault(load.pop, {})
        known = hosts.get(load.host)
        if known is None or known.time <= load.time:
            hosts[load.host] = load
        if len(hosts) > MOST_HOSTS:
            del hosts[min(hosts, key=lambda host: hosts[host].time)]

    def of(self, pop: str, now: float) -> PopLoad | None:
        """Return a POP's load at `now`; None when no host of it reported lately."""
        fresh = [one for one in self._hosts.get(pop, {}).values() if now - one.time <= self._stale_seconds]
        if not fresh:
            return None
        return PopLoad(
            sum(one.sessions for one in fresh),
            sum(one.capacity for one in fresh),
            len(fresh),
            max(0.0, now - min(one.time for one in fresh)),
        )
