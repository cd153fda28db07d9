"""What a user is offered, and opening it: the broker's own resources and what the tenant's sites publish.

A site that does not answer takes nothing else away: the offers come without it, with a notice.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from gateway.broker import locations, resources, sites, users
from gateway.broker.enumeration import Enumeration
from gateway.broker.launch import Launcher, Made
from gateway.broker.locations import Location
from gateway.broker.nfuse import Application, User
from gateway.broker.sites import Site
from gateway.errors import GatewayError, NotFound

KINDS: Final = {22: "ssh", 80: "web", 443: "web", 1494: "hdx", 2598: "hdx", 3389: "rdp"}
"""By port of the VDA, as IANA and VDAs use them; 5900 to 5999 are VNC displays, others `tcp`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing a user may open; `kind` is one of `KINDS`' values, `vnc`, `tcp`, or `app` of a site."""

    id: str
    name: str
    location: str
    kind: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """All of it by name, and what is missing from it, in words for the user."""

    offers: tuple[Offer, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Published:
    """An application as one site offers it to one user."""

    site: Site
    location: Location
    known_as: User
    application: Application

    @property
    def offer(self) -> Offer:
        mark = hashlib.sha256(self.application.id.encode()).hexdigest()[:12]
        return Offer(
            id=f"{self.site.id}.{mark}",  # the dot: no resource's id has one
            name=self.application.name,
            location=self.location.name,
            kind="hdx" if self.application.is_desktop else "app",
            about=self.application.description or self.application.folder,
        )


@dataclass(frozen=True, slots=True)
class Offers:
    """Finds and opens what users of a tenant may; `clock` is Unix time."""

    engine: Engine
    launcher: Launcher
    enumeration: Enumeration
    clock: Callable[[], float]

    async def of_user(self, user: str, *, tenant: str) -> Offered:
        """Return what this user may open; a site that is away becomes a notice."""
        own = await asyncio.to_thread(of_broker, self.engine, user, tenant=tenant)
        published, notices = await self._published(user, tenant)
        offers = sorted((*own, *(each.offer for each in published)), key=lambda o: (o.name.casefold(), o.id))
        return Offered(tuple(offers), notices)

    async def launch(self, wanted: str, user: str, *, tenant: str) -> Made:
        """Return a launch file for an offer's id or name.

        Raises `NotFound`, `Refused` (the user may not, or the controller says no), `Unreachable` (the site).
        """
        try:
            return await asyncio.to_thread(
                self.launcher.launch, wanted, user, tenant=tenant, now=self.clock()
            )
        except NotFound:
            published, _ = await self._published(user, tenant)
            chosen = next((each for each in published if wanted in (each.offer.id, each.offer.name)), None)
            if chosen is None:
                raise
        return await self._launch(chosen, user)

    async def _launch(self, chosen: _Published, user: str) -> Made:
        site, application = chosen.site, chosen.application
        host, port = await self.enumeration.controllers.address(
            site, chosen.location, application.id, chosen.known_as
        )
        opened = sites.opened(site, application.name, host, port)
        return await asyncio.to_thread(
            self.launcher.launch_published,
            opened,
            user,
            is_desktop=application.is_desktop,
            now=self.clock(),
        )

    async def _published(self, user: str, tenant: str) -> tuple[list[_Published], tuple[str, ...]]:
        there = await asyncio.to_thread(self._sites_of, user, tenant)
        answers = await asyncio.gather(*(self._of_site(*each) for each in there))
        missing = [site.name for (site, *_), answer in zip(there, answers, strict=True) if answer is None]
        notices = tuple(f"What {name} offers cannot be listed at the moment." for name in missing)
        return [each for answer in answers for each in answer or ()], notices

    def _sites_of(self, user: str, tenant: str) -> list[tuple[Site, Location, User]]:
        is_local = users.is_local(self.engine, user, tenant=tenant)
        there = sites.listing(self.engine, tenant=tenant)
        return [
            (site, location, known)
            for site, location in there
            if (known := sites.known_as(site, user, is_local=is_local)) is not None
        ]

    async def _of_site(self, site: Site, location: Location, user: User) -> list[_Published] | None:
        try:
            found = await self.enumeration.of_user(site, location, user)
        except GatewayError as error:
            log.warning("site.away", extra={"site": site.id, "tenant": site.tenant, "reason": str(error)})
            return None
        return [_Published(site, location, user, each) for each in found]


def of_broker(engine: Engine, user: str, *, tenant: str) -> tuple[Offer, ...]:
    """Return what this user of the tenant may open of the broker's own resources, by name."""
    names = {location.id: location.name for location in locations.listing(engine, tenant=tenant)}
    return tuple(
        Offer(each.id, each.name, names[each.location], kind_of(each.port))
        for each in resources.of_user(engine, user, tenant=tenant)
    )


def kind_of(port: int) -> str:
    """Return what a VDA at this port most likely speaks."""
    return "vnc" if 5900 <= port < 6000 else KINDS.get(port, "tcp")
