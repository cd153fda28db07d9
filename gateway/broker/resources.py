"""Resources: what users can open, where it stands, and who may."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, insert, or_, select
from sqlalchemy.exc import IntegrityError

from gateway.broker import directory_users
from gateway.broker.engine import reading, writing
from gateway.broker.names import Random, check_name, format_address, new_id
from gateway.broker.person import same_dn
from gateway.broker.tables import assignments, directories, group_assignments, memberships, users
from gateway.broker.tables import directory_users as known
from gateway.broker.tables import resources as table
from gateway.errors import Invalid, NameTaken, NotFound

IDLE_SECONDS: Final = 3600
MAX_SECONDS: Final = 24 * 3600
LONGEST_SECONDS: Final = 30 * 24 * 3600
RESERVED: Final = ("default", "encoding", "wfclient", "applicationservers")
"""Sections of a launch file that are not an application's."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One desktop, application or service; `host:port` is the VDA as its location's connectors reach it."""

    id: str
    tenant: str
    location: str
    name: str
    host: str
    port: int
    everyone: bool
    idle_seconds: int
    max_seconds: int
    created_at: float

    @property
    def target(self) -> str:
        """The VDA's `host:port`."""
        return format_address(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource to be made; neither `users` nor `groups`: everyone of the tenant.

    A user of a directory is `ann@DIRECTORY`, a group (DIRECTORY, DN).
    """

    name: str
    location: str
    host: str
    port: int
    users: Sequence[str] = ()
    idle_seconds: int = IDLE_SECONDS
    max_seconds: int = MAX_SECONDS
    groups: Sequence[tuple[str, str]] = ()


def add(
    engine: Engine, draft: Draft, *, tenant: str, now: float, random: Random = secrets.token_hex
) -> Resource:
    """Make a resource at a location's id. Raises `Invalid`, `NotFound` (users, directories), `NameTaken`."""
    _check(draft)
    made = Resource(
        new_id(draft.name, random), tenant, draft.location, draft.name, draft.host, draft.port,
        not draft.users and not draft.groups, draft.idle_seconds, draft.max_seconds, now,
    )  # fmt: skip
    values = {column.name: getattr(made, column.name) for column in table.columns}
    try:
        with writing(engine) as connection:
            _check_assigned(connection, draft, tenant, now)
            connection.execute(insert(table).values(values))
            for user in sorted(set(draft.users)):
                connection.execute(insert(assignments).values(resource=made.id, tenant=tenant, user=user))
            for directory, dn in sorted({(name, same_dn(dn)) for name, dn in draft.groups}):
                theirs = {"resource": made.id, "tenant": tenant, "directory": directory, "group": dn}
                connection.execute(insert(group_assignments).values(theirs))
    except IntegrityError as error:
        raise NameTaken(f"{tenant} has a resource {draft.name}") from error
    return made


def _check_assigned(connection: Connection, draft: Draft, tenant: str, now: float) -> None:
    """Raise `NotFound` for whom there is not; a directory's user need not have logged in before."""
    query = select(directories.c.name).where(directories.c.tenant == tenant)
    names = set(connection.execute(query).scalars())
    if missing := sorted({directory for directory, _ in draft.groups} - names):
        raise NotFound(f"{tenant} has no directory {', '.join(missing)}")
    for user in draft.users:
        if (directory := user.rpartition("@")[2]) in names:
            directory_users.enter(connection, tenant, directory, check_name("user", user), now)
    named = set(connection.execute(select(users.c.name).where(users.c.tenant == tenant)).scalars())
    if missing := sorted(set(draft.users) - named):
        raise NotFound(f"{tenant} has no user {', '.join(missing)}")


def _check(draft: Draft) -> None:
    check_name("resource", draft.name)
    faults = [
        f"{name}: expected 1 to {LONGEST_SECONDS}"
        for name in ("idle_seconds", "max_seconds")
        if not 1 <= getattr(draft, name) <= LONGEST_SECONDS
    ]
    if draft.name.lower() in RESERVED:
        faults.append(f"resource: {draft.name} means something else in a launch file")
    if faults:
        raise Invalid(faults)


def find(engine: Engine, name: str, *, tenant: str) -> Resource:
    """Return the tenant's resource of this name or id. Raises `NotFound`."""
    found = _select(engine, table.c.tenant == tenant, or_(table.c.name == name, table.c.id == name))
    if not found:
        raise NotFound(f"{tenant} has no resource {name}")
    return found[0]


def at_target(engine: Engine, host: str, port: int, *, tenant: str) -> tuple[Resource, ...]:
    """Return the tenant's resources at this address of a VDA, by name."""
    return _select(engine, table.c.tenant == tenant, table.c.host == host, table.c.port == port)


def listing(engine: Engine, *, tenant: str) -> tuple[Resource, ...]:
    """Return all resources of the tenant, by name."""
    return _select(engine, table.c.tenant == tenant)


def of_user(engine: Engine, user: str, *, tenant: str) -> tuple[Resource, ...]:
    """Return what this user of the tenant may open, by name."""
    is_theirs = and_(
        assignments.c.resource == table.c.id, assignments.c.tenant == tenant, assignments.c.user == user
    )
    is_their_groups = and_(
        group_assignments.c.resource == table.c.id,
        group_assignments.c.tenant == tenant,
        group_assignments.c.group == memberships.c.group,
        group_assignments.c.directory == known.c.directory,
        memberships.c.tenant == tenant, memberships.c.user == user,
        known.c.tenant == tenant, known.c.name == user,
    )  # fmt: skip
    is_open = or_(table.c.everyone, exists().where(is_theirs), exists().where(is_their_groups))
    return _select(engine, table.c.tenant == tenant, is_open)


def remove(engine: Engine, resource: Resource) -> None:
    """Remove it with its tickets; running sessions go on to their end."""
    with writing(engine) as connection:
        connection.execute(delete(table).where(table.c.id == resource.id))


def _select(engine: Engine, *conditions: ColumnElement[Any]) -> tuple[Resource, ...]:
    with reading(engine) as connection:
        rows = connection.execute(select(table).where(*conditions).order_by(table.c.name)).all()
    return tuple(Resource(*row) for row in rows)
