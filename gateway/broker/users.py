"""Local users: names and argon2id hashes (RFC 9106 low-memory profile of argon2-cffi).

Checking a password takes tens of milliseconds of CPU on purpose; callers run it in a thread. A name that
does not exist costs as much as a wrong password, so that the answer's time does not tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.broker.engine import reading, writing
from gateway.broker.locations import check_tenant
from gateway.broker.names import check_name
from gateway.broker.tables import ELSEWHERE, directories, logins, resources, sites, tickets
from gateway.broker.tables import users as table
from gateway.errors import Invalid, NameTaken, NotFound

MIN_PASSWORD: Final = 8  # NIST SP 800-63B 5.1.1.2
MAX_PASSWORD: Final = 1024


@dataclass(frozen=True, slots=True)
class Passwords:
    """Hashes and checks; `hasher` carries the cost, which tests lower."""

    hasher: argon2.PasswordHasher = field(default_factory=argon2.PasswordHasher)

    def add(self, engine: Engine, name: str, password: str, *, tenant: str, now: float) -> None:
        """Make a user. Raises `Invalid`, `NotFound` (tenant), `NameTaken`."""
        check_name("user", name)
        hashed = self._hash(password)
        check_tenant(engine, tenant)
        _check_is_free(engine, name, tenant)
        values = {"tenant": tenant, "name": name, "password_hash": hashed, "created_at": now}
        try:
            with writing(engine) as connection:
                connection.execute(insert(table).values(values))
        except IntegrityError as error:
            raise NameTaken(f"{tenant} has a user {name}") from error

    def change(self, engine: Engine, name: str, password: str, *, tenant: str) -> None:
        """Replace a password and end the user's logins. Raises `Invalid`, `NotFound`."""
        is_user = (table.c.tenant == tenant) & (table.c.name == name) & (table.c.password_hash != ELSEWHERE)
        values = {"password_hash": self._hash(password)}
        with writing(engine) as connection:
            if not connection.execute(update(table).where(is_user).values(values)).rowcount:
                raise NotFound(f"{tenant} has no local user {name}")
            theirs = (logins.c.tenant == tenant) & (logins.c.user == name)
            connection.execute(delete(logins).where(theirs))

    def is_right(self, engine: Engine, name: str, password: str, *, tenant: str) -> bool:
        """Say whether this is the user's password."""
        if len(password) > MAX_PASSWORD:
            return False
        query = select(table.c.password_hash).where(table.c.tenant == tenant, table.c.name == name)
        with reading(engine) as connection:
            kept = connection.execute(query.where(table.c.password_hash != ELSEWHERE)).scalar()
        if kept is None:
            self.hasher.hash(password)  # costs what a verification costs
            return False
        try:
            return self.hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    def _hash(self, password: str) -> str:
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise Invalid([f"password: expected {MIN_PASSWORD} to {MAX_PASSWORD} characters"])
        return self.hasher.hash(password)


def remove(engine: Engine, name: str, *, tenant: str) -> None:
    """Remove a user with logins, assignments, memberships and unspent tickets. Raises `NotFound`.

    Running sessions are `sessions.end`'s. Whom a directory vouches for comes back with the next login.
    """
    owned = [select(one.c.id).where(one.c.tenant == tenant) for one in (resources, sites)]
    of_tenant = tickets.c.resource.in_(owned[0]) | tickets.c.site.in_(owned[1])
    with writing(engine) as connection:
        is_it = (table.c.tenant == tenant, table.c.name == name)
        if not connection.execute(delete(table).where(*is_it)).rowcount:
            raise NotFound(f"{tenant} has no user {name}")
        connection.execute(delete(tickets).where(tickets.c.user == name, of_tenant))


def is_local(engine: Engine, name: str, *, tenant: str) -> bool:
    """Say whether the broker itself checks this user's password."""
    is_it = (table.c.tenant == tenant, table.c.name == name, table.c.password_hash != ELSEWHERE)
    with reading(engine) as connection:
        return connection.execute(select(table.c.name).where(*is_it)).first() is not None


def _check_is_free(engine: Engine, name: str, tenant: str) -> None:
    """Raise `NameTaken` for a name that a directory's user would have."""
    directory = name.rpartition("@")[2]
    is_it = (directories.c.tenant == tenant, directories.c.name == directory.casefold())
    with reading(engine) as connection:
        if "@" in name and connection.execute(select(directories.c.name).where(*is_it)).first() is not None:
            raise NameTaken(f"{name} would be a user of the directory {directory}")


def listing(engine: Engine, *, tenant: str) -> tuple[str, ...]:
    """Return the names of the tenant's users in order."""
    query = select(table.c.name).where(table.c.tenant == tenant).order_by(table.c.name)
    with reading(engine) as connection:
        return tuple(connection.execute(query).scalars())
