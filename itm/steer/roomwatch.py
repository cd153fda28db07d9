"""What a build knows of POPs' rooms, read where the edge leaves it; and whether that asks for a build now.

The builder reads health only to know who has no room. It never takes a POP that is away from the lists (the
mask does what there is to do, at once and back), and health is never told what was decided: no answer of one
loop is a question of the other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from itm.config import Config
from itm.routemap.health import HealthReader, State
from itm.steer.loads import FILE, PopLoad, loads_of
from itm.steer.outlook import Outlook
from itm.steer.rooms import AWAY, Usual

log = logging.getLogger(__name__)

HASTE_SECONDS: Final = 5.0
"""The least time between two builds, however often POPs come and go."""


class RoomWatch:
    """Follows the health table and the hosts' reports, for one builder."""

    def __init__(self, config: Config, clock: Callable[[], float]) -> None:
        self._config, self._clock = config, clock
        self._health = HealthReader(config.state_dir / "health.table")
        self._built_at = 0.0
        self._built_without: frozenset[str] = frozenset()
        self._outlook: Outlook | None = None
        self.usual: dict[str, Usual] = {}
        """What the last build at which no POP was away made of each."""

    def loads(self) -> dict[str, PopLoad]:
        """Return how full each POP is of which a host reported lately."""
        return loads_of(self._config.state_dir / FILE, self._config.stale.load_seconds, self._clock())

    def states(self) -> dict[str, State]:
        """Return the state of every POP that has one."""
        self._health.refresh()
        return dict(self._health.read().states)

    @property
    def is_pressing(self) -> bool:
        """Whether a POP went away or came back since the last build, and others may be full."""
        if self._outlook is None or self._clock() - self._built_at < HASTE_SECONDS:
            return False
        return self._away() != self._built_without

    def note(self, outlook: Outlook | None, states: dict[str, State]) -> None:
        """Take in a build: from which states it was made, and how full POPs will be; alarm where too full."""
        above = outlook.above if outlook is not None else ()
        if above and (self._outlook is None or above != self._outlook.above):
            told = outlook.as_dict()["pops"] if outlook is not None else {}
            log.warning("capacity.exceeded", extra={"pops": {pop: told[pop]["share"] for pop in above}})
        self.usual = (outlook.usual if outlook is not None else {}) or self.usual
        self._built_at, self._outlook = self._clock(), outlook
        self._built_without = frozenset(pop for pop, state in states.items() if state in AWAY)

    def _away(self) -> frozenset[str]:
        return frozenset(pop for pop, state in self.states().items() if state in AWAY)
