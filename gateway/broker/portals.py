"""Portals that request tickets for users they have logged in themselves: one key each, bound to a tenant.

Only a key's SHA-256 is kept; its 256 random bits need no slow hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.broker.engine import reading, writing
from gateway.broker.locations import check_tenant
from gateway.broker.names import check_name
from gateway.broker.tables import portals as table
from gateway.errors import NameTaken, Unauthorised

PREFIX: Final = "hdxk_"


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def create(
    engine: Engine,
    name: str,
    *,
    tenant: str,
    now: float,
    random: Callable[[int], str] = secrets.token_urlsafe,
) -> str:
    """Make a portal's key, which cannot be had again. Raises `Invalid`, `NotFound` (tenant), `NameTaken`."""
    check_name("portal", name)
    check_tenant(engine, tenant)
    key = PREFIX + random(32)
    values = {"tenant": tenant, "name": name, "sha256": digest(key), "created_at": now}
    try:
        with writing(engine) as connection:
            connection.execute(insert(table).values(values))
    except IntegrityError as error:
        raise NameTaken(f"{tenant} has a portal {name}") from error
    return key


def tenant_of(engine: Engine, key: str) -> str:
    """Return whose key it is. Raises `Unauthorised`."""
    with reading(engine) as connection:
        tenant = connection.execute(select(table.c.tenant).where(table.c.sha256 == digest(key))).scalar()
    if tenant is None:
        raise Unauthorised("unauthorised", "no such portal key")
    return str(tenant)


def listing(engine: Engine, *, tenant: str) -> tuple[str, ...]:
    """Return the names of the tenant's portals in order."""
    query = select(table.c.name).where(table.c.tenant == tenant).order_by(table.c.name)
    with reading(engine) as connection:
        return tuple(connection.execute(query).scalars())


def revoke(engine: Engine, name: str, *, tenant: str) -> bool:
    """Make a key worthless; returns whether there was one."""
    with writing(engine) as connection:
        query = delete(table).where(table.c.tenant == tenant, table.c.name == name)
        return bool(connection.execute(query).rowcount)
