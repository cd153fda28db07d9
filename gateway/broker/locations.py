"""Tenants and their Resource Locations: the customers and their sites."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Engine, insert, or_, select
from sqlalchemy.exc import IntegrityError

from gateway.broker.engine import reading, writing
from gateway.broker.names import Random, check_name, check_slug, new_id
from gateway.broker.tables import locations as table
from gateway.broker.tables import tenants
from gateway.errors import NameTaken, NotFound


@dataclass(frozen=True, slots=True)
class Location:
    """A customer site; `id` is unique over all tenants, `name` within one."""

    id: str
    tenant: str
    name: str
    created_at: float


def create_tenant(engine: Engine, tenant: str, *, now: float) -> None:
    """Make a tenant. Raises `Invalid`, `NameTaken`."""
    check_slug("tenant", tenant)
    try:
        with writing(engine) as connection:
            connection.execute(insert(tenants).values(id=tenant, created_at=now))
    except IntegrityError as error:
        raise NameTaken(f"there is a tenant {tenant}") from error


def all_tenants(engine: Engine) -> tuple[str, ...]:
    """Return the tenants' ids in order."""
    with reading(engine) as connection:
        return tuple(connection.execute(select(tenants.c.id).order_by(tenants.c.id)).scalars())


def check_tenant(engine: Engine, tenant: str) -> None:
    """Raise `NotFound` when there is no such tenant."""
    with reading(engine) as connection:
        if connection.execute(select(tenants.c.id).where(tenants.c.id == tenant)).first() is None:
            raise NotFound(f"no tenant {tenant}: itm-gateway tenant create {tenant}")


def create(
    engine: Engine, name: str, *, tenant: str, now: float, random: Random = secrets.token_hex
) -> Location:
    """Make a Resource Location. Raises `Invalid`, `NotFound` (tenant), `NameTaken`."""
    check_name("location", name)
    check_tenant(engine, tenant)
    location = Location(new_id(name, random), tenant, name, now)
    try:
        with writing(engine) as connection:
            connection.execute(insert(table).values(id=location.id, tenant=tenant, name=name, created_at=now))
    except IntegrityError as error:
        raise NameTaken(f"{tenant} has a location {name}") from error
    return location


def find(engine: Engine, name: str, *, tenant: str) -> Location:
    """Return the tenant's location of this name or id. Raises `NotFound`."""
    query = select(table).where(table.c.tenant == tenant, or_(table.c.name == name, table.c.id == name))
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"{tenant} has no location {name}: itm-gateway location create {name}")
    return Location(*row)


def listing(engine: Engine, *, tenant: str) -> tuple[Location, ...]:
    """Return the tenant's locations by name."""
    query = select(table).where(table.c.tenant == tenant).order_by(table.c.name)
    with reading(engine) as connection:
        return tuple(Location(*row) for row in connection.execute(query))
