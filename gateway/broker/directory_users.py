"""Users whom a directory vouches for, as rows beside the local ones: so that resources can be theirs.

A row comes with the first login, or when a resource is assigned before it. It holds no password: no local
login opens it. Memberships are those of groups that something is assigned to, as of the last login.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, update

from gateway.broker.engine import reading, writing
from gateway.broker.person import same_dn
from gateway.broker.tables import ELSEWHERE, directory_users, group_assignments, memberships, users
from gateway.errors import Refused
from gateway.protocol.codes import CloseCode


def enter(connection: Connection, tenant: str, directory: str, name: str, now: float) -> None:
    """Make the user's rows if there are none. Raises `Refused` when the name is a local user's."""
    is_it = (users.c.tenant == tenant, users.c.name == name)
    if connection.execute(select(users.c.name).where(*is_it)).first() is None:
        values = {"tenant": tenant, "name": name, "password_hash": ELSEWHERE, "created_at": now}
        connection.execute(insert(users).values(values))
        connection.execute(
            insert(directory_users).values(tenant=tenant, name=name, directory=directory, seen_at=None)
        )
    is_theirs = _is(tenant, name) & (directory_users.c.directory == directory)
    if connection.execute(select(directory_users.c.name).where(is_theirs)).first() is None:
        raise Refused(CloseCode.BROKER_REFUSED, f"{name} is a local user")


def seen(
    engine: Engine, tenant: str, directory: str, name: str, groups: Iterable[str], *, now: float
) -> None:
    """Note a login and the assigned groups (`assigned_groups`) that the user is in now."""
    with writing(engine) as connection:
        enter(connection, tenant, directory, name, now)
        connection.execute(update(directory_users).where(_is(tenant, name)).values(seen_at=now))
        is_member = (memberships.c.tenant == tenant, memberships.c.user == name)
        connection.execute(delete(memberships).where(*is_member))
        for group in sorted({same_dn(each) for each in groups}):
            connection.execute(insert(memberships).values(tenant=tenant, user=name, group=group))


def assigned_groups(engine: Engine, tenant: str, directory: str) -> frozenset[str]:
    """Return the groups of a directory that resources are assigned to, as `same_dn` spells them."""
    table = group_assignments
    query = select(table.c.group).where(table.c.tenant == tenant, table.c.directory == directory)
    with reading(engine) as connection:
        return frozenset(connection.execute(query.distinct()).scalars())


def _is(tenant: str, name: str) -> ColumnElement[bool]:
    return (directory_users.c.tenant == tenant) & (directory_users.c.name == name)
