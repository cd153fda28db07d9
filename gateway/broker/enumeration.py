"""What sites offer to users, remembered for a short time: a page that is looked at twice asks once.

A site that does not answer is remembered too, for a shorter time, so that one dead controller costs one wait
and not one at every page. Bounded by the number of applications kept.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.broker.controller import Controllers
from gateway.broker.locations import Location
from gateway.broker.nfuse import Application, User
from gateway.broker.sites import Site
from gateway.errors import GatewayError, Refused, Unreachable

KEEP_SECONDS: Final = 60.0
KEEP_FAULT_SECONDS: Final = 10.0
MOST_KEPT: Final = 100_000
"""Applications over all users; some 400 bytes each."""


@dataclass(frozen=True, slots=True)
class _Answer:
    until: float
    applications: tuple[Application, ...]
    fault: GatewayError | None

    @property
    def weight(self) -> int:
        return 1 + len(self.applications)


class Enumeration:
    """Applications by site and user as it knows them; a site that was changed is another site."""

    def __init__(self, controllers: Controllers, clock: Callable[[], float] = time.monotonic) -> None:
        self.controllers = controllers
        self._clock = clock
        self._kept: OrderedDict[tuple[Site, User], _Answer] = OrderedDict()
        self._weight = 0

    async def of_user(self, site: Site, location: Location, user: User) -> tuple[Application, ...]:
        """Return what the site offers to the user. Raises `Unreachable`, `Refused`."""
        key = (site, user)
        answer = self._kept.get(key)
        if answer is None or answer.until <= self._clock():
            answer = await self._ask(site, location, user)
            self._keep(key, answer)
        if answer.fault is not None:
            raise answer.fault
        return answer.applications

    async def _ask(self, site: Site, location: Location, user: User) -> _Answer:
        try:
            found = await self.controllers.applications(site, location, user)
        except (Unreachable, Refused) as error:
            return _Answer(self._clock() + KEEP_FAULT_SECONDS, (), error)
        return _Answer(self._clock() + KEEP_SECONDS, found, None)

    def _keep(self, key: tuple[Site, User], answer: _Answer) -> None:
        before = self._kept.pop(key, None)
        self._weight += answer.weight - (before.weight if before else 0)
        self._kept[key] = answer
        while self._weight > MOST_KEPT:
            _, oldest = self._kept.popitem(last=False)
            self._weight -= oldest.weight
