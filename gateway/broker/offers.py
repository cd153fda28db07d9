"""What a user is offered, in the words that the API and the Workspace page show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from gateway.broker import locations, resources

KINDS: Final = {22: "ssh", 80: "web", 443: "web", 1494: "hdx", 2598: "hdx", 3389: "rdp"}
"""By port of the VDA, as IANA and VDAs use them; 5900 to 5999 are VNC displays, others `tcp`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing a user may open; `kind` is one of `KINDS`' values, `vnc` or `tcp`."""

    id: str
    name: str
    location: str
    kind: str


def of_user(engine: Engine, user: str, *, tenant: str) -> tuple[Offer, ...]:
    """Return what this user of the tenant may open, by name."""
    names = {location.id: location.name for location in locations.listing(engine, tenant=tenant)}
    return tuple(
        Offer(each.id, each.name, names[each.location], kind_of(each.port))
        for each in resources.of_user(engine, user, tenant=tenant)
    )


def kind_of(port: int) -> str:
    """Return what a VDA at this port most likely speaks."""
    return "vnc" if 5900 <= port < 6000 else KINDS.get(port, "tcp")
