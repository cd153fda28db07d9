"""A tenant's LDAP directories: where each stands, how it is asked, and who of it may log in.

The password of the account that searches is sealed together with everything that decides whom it is sent
to, so that a changed row gives it to nobody. Knows tables, not LDAP.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Engine, Row, delete, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.broker import person
from gateway.broker.engine import reading, writing
from gateway.broker.locations import Location
from gateway.broker.names import check_slug, format_address
from gateway.broker.seal import Seal
from gateway.broker.tables import directories as table
from gateway.broker.tables import directory_users, locations, users
from gateway.errors import Invalid, NameTaken, NotFound

TLS: Final = ("ldaps", "starttls", "plain")


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory, reached through the connectors of `location`.

    `ca_pem` empty: the system's authorities. `bind_dn` empty: it is searched without an account.
    `groups` empty: whoever the filter finds may log in; else members of one of these DNs.
    """

    tenant: str
    name: str
    location: Location
    host: str
    port: int
    base_dn: str
    tls: str = "ldaps"
    ca_pem: str = ""
    bind_dn: str = ""
    user_filter: str = person.USER_FILTER
    name_attribute: str = ""
    domain: str = ""
    groups: tuple[str, ...] = ()
    created_at: float = 0.0
    sealed: str = ""

    @property
    def server(self) -> str:
        """Its `host:port`, as the connector resolves it."""
        return format_address(self.host, self.port)

    def is_meant(self, where: str) -> bool:
        """Say whether a login typed with this domain or directory name is for it; "" is for any."""
        return where in ("", self.name, self.domain.casefold() or self.name)

    def purpose(self) -> bytes:
        """What its password is sealed for."""
        fields = (self.tenant, self.name, self.location.id, self.server, self.tls, self.ca_pem, self.bind_dn)
        return json.dumps(fields).encode()


@dataclass(frozen=True, slots=True)
class Directories:
    """The table of all tenants' directories."""

    engine: Engine
    seal: Seal

    def add(self, draft: Directory, password: str, *, now: float) -> Directory:
        """Keep a directory. Raises `Invalid`, `NameTaken`."""
        _check(draft, password)
        sealed = self.seal.close(password, draft.purpose()) if draft.bind_dn else ""
        made = replace(draft, created_at=now, sealed=sealed)
        values: dict[str, Any] = {
            column.name: getattr(made, column.name) for column in table.columns if column.name != "location"
        }
        values |= {"location": made.location.id, "groups": json.dumps(made.groups)}
        is_shadow = (users.c.tenant == made.tenant, users.c.name.endswith(f"@{made.name}", autoescape=True))
        try:
            with writing(self.engine) as connection:
                if taken := connection.execute(select(users.c.name).where(*is_shadow)).scalar():
                    raise NameTaken(
                        f"{made.tenant} has a local user {taken}, named as this directory's would be"
                    )
                connection.execute(insert(table).values(values))
        except IntegrityError as error:
            raise NameTaken(f"{made.tenant} has a directory {made.name}") from error
        return made

    def listing(self, *, tenant: str) -> tuple[Directory, ...]:
        """Return the tenant's directories by name, the order in which they are asked."""
        query = select(table, locations).join(locations, locations.c.id == table.c.location)
        with reading(self.engine) as connection:
            rows = connection.execute(query.where(table.c.tenant == tenant).order_by(table.c.name)).all()
        return tuple(_directory(row) for row in rows)

    def find(self, name: str, *, tenant: str) -> Directory:
        """Return one directory. Raises `NotFound`."""
        for found in self.listing(tenant=tenant):
            if found.name == name:
                return found
        raise NotFound(f"{tenant} has no directory {name}")

    def remove(self, name: str, *, tenant: str) -> None:
        """Remove a directory, its users and what was assigned to them. Raises `NotFound`."""
        theirs = select(directory_users.c.name).where(
            directory_users.c.tenant == tenant, directory_users.c.directory == name
        )
        with writing(self.engine) as connection:
            connection.execute(delete(users).where(users.c.tenant == tenant, users.c.name.in_(theirs)))
            done = connection.execute(delete(table).where(table.c.tenant == tenant, table.c.name == name))
            if not done.rowcount:
                raise NotFound(f"{tenant} has no directory {name}")

    def password(self, directory: Directory) -> str:
        """Return the password of `bind_dn`. Raises `ConfigError` when the row is not as it was sealed."""
        return self.seal.open(directory.sealed, directory.purpose())


def trust(directory: Directory) -> ssl.SSLContext:
    """Return the TLS context that verifies the directory's certificate and name. Raises `Invalid`."""
    try:
        return ssl.create_default_context(cadata=directory.ca_pem or None)
    except (ssl.SSLError, ValueError) as error:
        raise Invalid([f"ca: not certificates in PEM: {error}"]) from None


def _check(draft: Directory, password: str) -> None:
    check_slug("directory", draft.name)
    person.check_filter(draft.user_filter)
    trust(draft)
    faults = [f"tls: expected one of {', '.join(TLS)}"] if draft.tls not in TLS else []
    faults += ["base: is missing"] if not draft.base_dn else []
    if draft.bind_dn and not password:
        faults.append("password: a bind without one proves nothing (RFC 4513 5.1.2)")
    faults += _long("base", draft.base_dn) + _long("bind_dn", draft.bind_dn) + _long("group", *draft.groups)
    faults += _long("user_filter", draft.user_filter)
    if draft.name_attribute and not draft.name_attribute.replace("-", "").isalnum():
        faults.append("name_attribute: expected the name of one attribute")
    if faults:
        raise Invalid(faults)


def _long(name: str, *texts: str) -> list[str]:
    return [f"{name}: expected at most 500 characters" for text in texts if len(text) > 500]


def _directory(row: Row[Any]) -> Directory:
    columns: Sequence[Any] = tuple(row)
    values = dict(zip((column.name for column in table.columns), columns, strict=False))
    location = Location(*columns[len(table.columns) :])
    return Directory(**values | {"location": location, "groups": tuple(json.loads(values["groups"]))})
