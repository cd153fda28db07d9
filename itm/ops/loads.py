"""How full the POPs are, as their hosts report it: kept in memory, and in a file for the builder.

Nothing is decided here.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from collectors.feed.load import Load
from itm.steer import loads
from itm.steer.loads import PopLoad

log = logging.getLogger(__name__)

MOST_HOSTS: Final = 256
"""Of one POP; the one heard of longest ago gives way."""

SAVE_SECONDS: Final = 2.0
"""How often the file is written where anybody reported: hosts do every five seconds."""


class Loads:
    """The last report of each host of each POP; one of more than `stale_seconds` ago is not counted.

    Begins with what the file at `path` has of the process before.
    """

    def __init__(self, path: Path, stale_seconds: float = 60.0) -> None:
        self._path, self._stale_seconds = path, stale_seconds
        self._hosts: dict[str, dict[str, Load]] = {}
        for load in loads.read(path):
            self.note(load)
        self._is_changed = False

    def note(self, load: Load) -> None:
        """Take in a report; one that is older than the host's last changes nothing."""
        hosts = self._hosts.setdefault(load.pop, {})
        known = hosts.get(load.host)
        if known is None or known.time <= load.time:
            hosts[load.host] = load
            self._is_changed = True
        if len(hosts) > MOST_HOSTS:
            del hosts[min(hosts, key=lambda host: hosts[host].time)]

    def of(self, pop: str, now: float) -> PopLoad | None:
        """Return a POP's load at `now`; None when no host of it reported lately."""
        return loads.summed(self._hosts.get(pop, {}).values(), self._stale_seconds, now)

    async def run(self) -> None:
        """Keep the file up to date until cancelled."""
        while True:
            self.save()
            await asyncio.sleep(SAVE_SECONDS)

    def save(self) -> None:
        """Write the file where a report has come since; one that cannot be written is told."""
        if not self._is_changed:
            return
        self._is_changed = False
        try:
            loads.write(self._path, (load for hosts in self._hosts.values() for load in hosts.values()))
        except OSError as error:
            log.warning("loads.unwritten", extra={"reason": str(error)})
