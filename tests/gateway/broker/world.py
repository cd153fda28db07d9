"""What tests of the broker start from: a site with a resource and a user, and fast passwords."""

from __future__ import annotations

import argon2
from sqlalchemy import Engine

from gateway.broker import locations, resources
from gateway.broker.resources import Draft, Resource
from gateway.broker.tickets import Sta
from gateway.broker.users import Passwords

NOW = 1_800_000_000.0
STA_ID = "STA0123"
FAST = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class Clock:
    """A clock that tests set."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_resource(
    engine: Engine, name: str = "office", *, tenant: str = "default", port: int = 3389, **more: int
) -> Resource:
    """A resource at a location of its own."""
    location = locations.create(engine, f"{name}-site", tenant=tenant, now=NOW)
    draft = Draft(name, location.id, "10.0.0.5", port, **more)  # type: ignore[arg-type]
    return resources.add(engine, draft, tenant=tenant, now=NOW)


def make_sta(engine: Engine, name: str = STA_ID) -> Sta:
    """An STA whose key survives, as the authority's does."""
    return Sta(engine, name, b"k" * 32)
